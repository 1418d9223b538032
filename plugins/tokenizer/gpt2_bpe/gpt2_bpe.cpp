/// GPT-2's byte-pair encoding: every text, and every other sequence of bytes, to ids and back. The text of a
/// special token ("<|endoftext|>") is text like any other.
/// Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.
#include <dlfcn.h>
#include <nopos/error.h>
#include <nopos/mapped_file.h>
#include <nopos/text.h>
#include <nopos/tokenizer.h>

#include <array>
#include <memory>
#include <mutex>
#include <optional>

#include "byte_pairs.h"
#include "pretokens.h"
#include "vocabulary.h"
#include "word_cache.h"

namespace {

using namespace nopos::gpt2;

/// Caches of threads that have ended, for those that come.
class CachePool {
 public:
  std::unique_ptr<WordCache> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<WordCache>();
    auto cache = std::move(free_.back());
    free_.pop_back();
    return cache;
  }
  void give(std::unique_ptr<WordCache> cache) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(cache));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<WordCache>> free_;
};

/// This thread's cache of the pool that it used last.
class CacheLease {
 public:
  ~CacheLease() { release(); }
  WordCache& of(const std::shared_ptr<CachePool>& pool) {
    if (pool != pool_) {
      release();
      pool_ = pool;
      cache_ = pool->take();
    }
    return *cache_;
  }

 private:
  void release() {
    if (cache_) pool_->give(std::move(cache_));
  }
  std::shared_ptr<CachePool> pool_;
  std::unique_ptr<WordCache> cache_;
};

/// The folder of GPT-2's own files: gpt2_bpe beside this library.
std::filesystem::path data_folder() {
  Dl_info library{};
  dladdr(reinterpret_cast<const void*>(&data_folder), &library);
  return std::filesystem::path(library.dli_fname).parent_path() / "gpt2_bpe";
}

constexpr const char* gpt2s_tokens = "a40a613bd818b557";  // digest of the 50,257 tokens

class Gpt2Bpe final : public nopos::IdTokenizer {
 public:
  struct Options {
    std::optional<std::string> encoder_json, vocab_bpe;
    NOPOS_OPTIONS(o) {
      o.add("gpt2-encoder-json", &Options::encoder_json,
            "file of tokens and ids; default, if --gpt2-vocab-bpe is not given either: GPT-2's");
      o.add("gpt2-vocab-bpe", &Options::vocab_bpe, "file of merges for --gpt2-encoder-json");
    }
  };

  explicit Gpt2Bpe(const Options& options) : Gpt2Bpe(read(options)) {}

  /// GPT-2's own in the order of the dictionary that fairseq's users share; of other files in that of the
  /// ids.
  std::vector<std::string> symbols() const override {
    if (!is_gpt2s()) return IdTokenizer::symbols();
    const nopos::MappedFile order(data_folder() / "order.txt");
    std::vector<std::string> list;
    for (const std::uint32_t id : read_order(order.bytes(), order.path(), tokens_.size())) {
      list.push_back(std::to_string(id));
    }
    return list;
  }

  void encode(std::string_view text, std::vector<std::uint32_t>& ids) const override {
    static const Pretokens pretokens;
    static thread_local CacheLease lease;
    WordCache& cache = lease.of(caches_);
    std::array<Piece, 32> pieces;
    std::array<std::uint32_t, pieces.size() * BytePairs::short_piece> buffer;
    const char *at = text.data(), *const end = at + text.size();
    while (at != end) {
      // First all places in the cache, then what is there: memory works on several at a time.
      std::size_t count = 0;
      for (; count < pieces.size() && at != end; ++count) {
        const char* next = pretokens.next(at, end);
        pieces[count] = found_piece({at, static_cast<std::size_t>(next - at)}, end - at >= 16, cache);
        at = next;
      }
      std::size_t filled = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const auto& [piece, key, entry] = pieces[i];
        std::uint32_t* const to = buffer.data() + filled;
        if (entry != nullptr) {
          filled += entry->holds(key) ? entry->copy_to(to) : encode_word(pieces[i], to);
        } else if (piece.size() <= BytePairs::short_piece) {
          filled += pairs_.encode_short(piece, to);
        } else {
          ids.insert(ids.end(), buffer.data(), to);
          filled = 0;
          pairs_.encode_long(piece, ids);
        }
      }
      ids.insert(ids.end(), buffer.data(), buffer.data() + filled);
    }
  }

 protected:
  std::string_view bytes(std::uint32_t id) const override { return tokens_[id]; }

 private:
  explicit Gpt2Bpe(Vocabulary vocabulary)
      : IdTokenizer(static_cast<std::uint32_t>(vocabulary.tokens.size())),
        pairs_(vocabulary),
        tokens_(std::move(vocabulary.tokens)) {}

  /// Whether the tokens are those of GPT-2, whatever file they came from.
  bool is_gpt2s() const {
    nopos::Digest digest;
    for (const std::string& token : tokens_) digest.add(token);
    return digest.text() == gpt2s_tokens;
  }

  static Vocabulary read(const Options& options) {
    if (options.encoder_json.has_value() != options.vocab_bpe.has_value()) {
      throw nopos::Error(nopos::ExitCode::configuration,
                         "tokenizer/gpt2_bpe: --gpt2-encoder-json and --gpt2-vocab-bpe belong together; give "
                         "both, or neither for GPT-2's.");
    }
    const nopos::MappedFile encoder(options.encoder_json.value_or(data_folder() / "encoder.json"));
    const nopos::MappedFile merges(options.vocab_bpe.value_or(data_folder() / "vocab.bpe"));
    return read_vocabulary(encoder.bytes(), encoder.path(), merges.bytes(), merges.path());
  }

  struct Piece {
    std::string_view text;
    WordCache::Key key;
    WordCache::Entry* entry;  // none for a piece that is too long for the cache
  };

  static Piece found_piece(std::string_view text, bool readable, WordCache& cache) {
    if (text.size() > WordCache::max_bytes) return {text, {}, nullptr};
    const WordCache::Key key = WordCache::key(text.data(), text.size(), readable);
    WordCache::Entry& entry = cache.entry(key);
    __builtin_prefetch(&entry, 1);
    return {text, key, &entry};
  }

  std::size_t encode_word(const Piece& word, std::uint32_t* ids) const {
    const std::size_t count = pairs_.encode_short(word.text, ids);
    if (count <= WordCache::max_ids) word.entry->set(word.key, ids, count);
    return count;
  }

  BytePairs pairs_;
  std::vector<std::string> tokens_;  // bytes by id
  std::shared_ptr<CachePool> caches_ = std::make_shared<CachePool>();
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Gpt2Bpe>("gpt2_bpe", "GPT-2's byte-pair encoding"); }
