#include "binarizer.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "nopos/error.h"
#include "nopos/parallel.h"
#include "nopos/word_order.h"
#include "nopos/word_table.h"
#include "text_pieces.h"
#include "word_shards.h"

namespace nopos {
namespace {

using Id = WordTable::Id;

static_assert(WordTable::readable == Symbols::readable);

/// The part of both passes that is the same: sentences get their place in turn, and </s> at their end.
class SentenceWorker : public PieceWorker {
 public:
  SentenceWorker(IndexedDatasetWriter* writer, Id eos) : writer_(writer), eos_(eos) {}

  void in_turn(const Symbols& symbols) override {
    if (writer_ == nullptr) return;
    sizes_.clear();
    std::uint32_t begin = 0;
    for (const std::uint32_t end : symbols.sentence_ends) {
      sizes_.push_back(std::int64_t{end - begin} + 1);
      begin = end;
    }
    begin_ = writer_->add_sizes(sizes_);
  }

  void work(const Symbols& symbols) override {
    ids_.resize(symbols.begins.size());
    look_up({symbols.text, symbols.begins, symbols.ends}, ids_);
    lines_ += static_cast<std::int64_t>(symbols.sentence_ends.size());
    if (writer_ == nullptr) return;
    tokens_.resize(ids_.size() + symbols.sentence_ends.size());
    std::uint32_t begin = 0;
    auto to = tokens_.begin();
    for (const std::uint32_t end : symbols.sentence_ends) {
      to = std::copy(ids_.begin() + begin, ids_.begin() + end, to);
      *to++ = eos_;
      begin = end;
    }
    keep(begin_, tokens_);
  }

  std::int64_t lines() const { return lines_; }

 protected:
  virtual void look_up(const WordTable::Batch& words, std::span<Id> ids) = 0;
  virtual void keep(std::int64_t begin, std::span<const Id> tokens) = 0;

 private:
  IndexedDatasetWriter* writer_;
  Id eos_;
  std::vector<std::int64_t> sizes_;
  std::int64_t begin_ = 0, lines_ = 0;  // of the piece's tokens
  std::vector<Id> ids_, tokens_;
};

template <class Worker>
std::vector<PieceWorker*> pointers(std::vector<Worker>& workers) {
  std::vector<PieceWorker*> all;
  for (Worker& worker : workers) all.push_back(&worker);
  return all;
}

/// Finds the words of a dictionary.
class Encoder : public SentenceWorker {
 public:
  Encoder(const Dictionary& dictionary, IndexedDatasetWriter& writer)
      : SentenceWorker(&writer, static_cast<Id>(Dictionary::eos)),
        words_(dictionary.words()),
        writer_(writer) {}

  std::int64_t replaced() const { return replaced_; }

 protected:
  void look_up(const WordTable::Batch& words, std::span<Id> ids) override {
    words_.find(words, ids);
    for (Id& id : ids) {
      if (id != WordTable::none) continue;
      id = static_cast<Id>(Dictionary::unk);
      ++replaced_;
    }
  }
  void keep(std::int64_t begin, std::span<const Id> tokens) override { writer_.write(begin, tokens); }

 private:
  const WordTable& words_;
  IndexedDatasetWriter& writer_;
  std::int64_t replaced_ = 0;
};

/// Some tokens in the order of the text.
struct Run {
  std::int64_t begin, size;
};

/// Numbers words as they come.
class Counter : public SentenceWorker {
 public:
  Counter(WordShards& words, IndexedDatasetWriter* writer, Id eos)
      : SentenceWorker(writer, eos), words_(words), writer_(writer) {}

  const std::vector<Run>& runs() const { return runs_; }

 protected:
  void look_up(const WordTable::Batch& words, std::span<Id> ids) override {
    words_.count(words, ids, dealt_);
  }
  void keep(std::int64_t begin, std::span<const Id> tokens) override {
    writer_->write_provisional(begin, tokens);
    runs_.push_back({begin, static_cast<std::int64_t>(tokens.size())});
  }

 private:
  WordShards& words_;
  WordShards::Dealt dealt_;
  IndexedDatasetWriter* writer_;
  std::vector<Run> runs_;
};

/// What sorts a vocabulary by its own order.
std::int64_t rank_of(std::size_t place, std::size_t size) { return static_cast<std::int64_t>(size - place); }
constexpr Limits all_in_order(std::int64_t padding_factor) { return {0, 0, padding_factor}; }

/// Behind the special symbols; padding keeps its 0.
void set_counts(WordTable& table, const std::vector<std::int64_t>& counts) {
  std::size_t id = static_cast<std::size_t>(Dictionary::num_special);
  for (const std::int64_t count : counts) table.words()[id++].count = count;
}

}  // namespace

class CountedText::Parts {
 public:
  Parts(const std::filesystem::path& text, IndexedDatasetWriter* writer, const ReadOptions& options)
      : writer_(writer), threads_(options.workers), words_(threads_) {
    const Dictionary fresh;
    for (const CountedWord& word : fresh.words().words()) {
      special_.push_back(word);
      special_ids_.push_back(words_.add(word.word()));
    }
    std::vector<Counter> counters(static_cast<std::size_t>(threads_),
                                  Counter(words_, writer_, special_ids_[Dictionary::eos]));
    split_text(text, options, pointers(counters));
    for (const Counter& counter : counters) {
      special_[Dictionary::eos].count += counter.lines();
      runs_.insert(runs_.end(), counter.runs().begin(), counter.runs().end());
    }
    std::sort(runs_.begin(), runs_.end(), [](const Run& a, const Run& b) { return a.begin < b.begin; });
  }

  Dictionary dictionary(const Limits& limits) { return Dictionary(ordered(limits).table); }

  /// Words of a known vocabulary are put in order by ranks in place of counts.
  Dictionary dictionary(const std::vector<std::string>& vocabulary, std::int64_t padding_factor) {
    std::vector<std::int64_t> counts;
    for (const std::string& symbol : vocabulary) {
      CountedWord& word = words_.word(words_.add(symbol));
      counts.push_back(std::exchange(word.count, rank_of(counts.size(), vocabulary.size())));
    }
    refuse_others(vocabulary.size());
    OrderedWords known = ordered(all_in_order(padding_factor));
    set_counts(known.table, counts);
    return Dictionary(std::move(known.table));
  }

  OrderedWords ordered(const Limits& limits) {
    for (std::size_t id = 0; id < special_.size(); ++id) {
      special_[id].count += std::exchange(words_.word(special_ids_[id]).count, not_a_word);
    }
    std::vector<std::span<const CountedWord>> parts;
    WordArena arena;
    for (std::size_t shard = 0; shard < words_.size(); ++shard) {
      words_.table(shard).drop_slots();
      parts.push_back(words_.table(shard).words());
      arena.share(words_.table(shard).arena());
    }
    OrderedWords ordered = in_order(special_, parts, limits, std::move(arena), threads_);
    new_ids_ = std::move(ordered.new_ids);
    for (std::size_t id = 0; id < special_.size(); ++id) new_ids_[special_ids_[id]] = static_cast<Id>(id);
    for (std::size_t shard = 0; shard < words_.size(); ++shard) words_.table(shard) = {};
    return ordered;
  }

  /// Where the final ids are narrower than the provisional ones, they are written to where others were read
  /// before: reading goes in order.
  BinarizeResult write(std::int64_t vocabulary) const {
    writer_->set_vocabulary(vocabulary);
    std::mutex reading;
    auto next = runs_.begin();
    std::atomic<std::int64_t> replaced = 0;
    on_threads(threads_, [&](int) {
      std::vector<Id> ids;
      for (;;) {
        std::unique_lock lock(reading);
        if (next == runs_.end()) break;
        const Run run = *next++;
        ids.resize(static_cast<std::size_t>(run.size));
        writer_->read_provisional(run.begin, ids);
        lock.unlock();
        replaced += renumber(ids);
        writer_->write(run.begin, ids);
      }
    });
    return {writer_->num_sentences(), writer_->num_tokens(), replaced};
  }

 private:
  /// \throws Error (data) where words were met beside the special symbols and `known` others
  void refuse_others(std::size_t known) {
    std::size_t met = 0;
    for (std::size_t shard = 0; shard < words_.size(); ++shard) met += words_.table(shard).size();
    if (met == known + special_.size()) return;
    throw Error(ExitCode::data, "the tokenizer gave " + std::to_string(met - special_.size()) +
                                    " symbols, but reports a vocabulary of " + std::to_string(known) +
                                    ": its plugin is faulty.");
  }

  /// Returns how many ids were of words that are not in the dictionary.
  std::int64_t renumber(std::span<Id> ids) const {
    std::int64_t dropped = 0;
    for (Id& id : ids) {
      id = new_ids_[id];
      if (id != WordTable::none) continue;
      id = static_cast<Id>(Dictionary::unk);
      ++dropped;
    }
    return dropped;
  }

  IndexedDatasetWriter* writer_;
  int threads_;
  WordShards words_;
  std::vector<CountedWord> special_;
  std::vector<Id> special_ids_;  // provisional
  std::vector<Run> runs_;
  BigArray<Id> new_ids_;  // by provisional id
};

CountedText::CountedText(const std::filesystem::path& text, IndexedDatasetWriter* writer,
                         const ReadOptions& options)
    : parts_(std::make_unique<Parts>(text, writer, options)) {}

CountedText::~CountedText() = default;

Dictionary CountedText::dictionary(std::int64_t threshold, std::int64_t max_size,
                                   std::int64_t padding_factor) {
  Dictionary dictionary = parts_->dictionary({threshold, max_size, padding_factor});
  vocabulary_ = dictionary.size();
  return dictionary;
}

Dictionary CountedText::dictionary(const std::vector<std::string>& vocabulary, std::int64_t padding_factor) {
  Dictionary dictionary = parts_->dictionary(vocabulary, padding_factor);
  vocabulary_ = dictionary.size();
  return dictionary;
}

Dictionary known_dictionary(const std::vector<std::string>& symbols, std::int64_t padding_factor) {
  WordTable words;
  for (const std::string& symbol : symbols) words.append(symbol, rank_of(words.size(), symbols.size()));
  const Dictionary fresh;
  WordTable table = in_order(fresh.words().words(), {std::as_const(words).words()},
                             all_in_order(padding_factor), words.arena(), 1)
                        .table;
  set_counts(table, std::vector<std::int64_t>(symbols.size()));
  return Dictionary(std::move(table));
}

BinarizeResult CountedText::write() const { return parts_->write(vocabulary_); }

Dictionary count_words(const std::filesystem::path& text, int workers) {
  constexpr std::int64_t all = 0;
  return CountedText(text, nullptr, {.workers = workers}).dictionary(all, all, 1);
}

BinarizeResult binarize(const std::filesystem::path& text, const Dictionary& dictionary,
                        IndexedDatasetWriter& writer, const ReadOptions& options) {
  writer.set_vocabulary(dictionary.size());
  std::vector<Encoder> encoders(static_cast<std::size_t>(options.workers), Encoder(dictionary, writer));
  split_text(text, options, pointers(encoders));
  BinarizeResult result{writer.num_sentences(), writer.num_tokens(), 0};
  for (const Encoder& encoder : encoders) result.replaced += encoder.replaced();
  return result;
}

BinarizeResult binarize(const std::filesystem::path& text, const Dictionary& dictionary,
                        const std::filesystem::path& prefix, int workers) {
  IndexedDatasetWriter writer(prefix, dictionary.size());
  const BinarizeResult result = binarize(text, dictionary, writer, {.workers = workers});
  writer.finish();
  return result;
}

}  // namespace nopos
