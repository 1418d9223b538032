#pragma once
/// The token stream of a split, cut into blocks: the samples of a language model.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nopos/indexed_dataset.h"

namespace nopos {

/// How the stream is cut.
enum class BreakMode {
  none,          ///< every `tokens_per_sample` tokens, regardless of sentences
  complete,      ///< as many whole sentences as fit; a longer sentence is a block of its own
  complete_doc,  ///< as `complete`, but blocks end at document boundaries (sentences of one token, left out)
  eos,           ///< one sentence per block
};

/// "none", "complete", "complete_doc" or "eos". \throws Error (configuration)
BreakMode break_mode(const std::string& name);

/// The sentences of a split, in order, from all of its files, each cut to `crop` tokens. Threads may read
/// concurrently.
class SentenceStream {
 public:
  /// Where the crop begins in a sentence that is `excess` tokens too long.
  using CropStart = std::function<std::int64_t(std::int64_t sentence, std::int64_t excess)>;

  explicit SentenceStream(std::vector<std::shared_ptr<const IndexedDataset>> files);
  /// Crops every sentence to `length` tokens; `start` is called at each read.
  void crop(std::int64_t length, CropStart start);

  std::int64_t size() const { return first_.back(); }
  std::int64_t num_tokens(std::int64_t sentence) const;
  void read(std::int64_t sentence, std::int64_t begin, std::span<std::int64_t> out) const;
  /// The file that holds `sentence`, for messages.
  const std::filesystem::path& file(std::int64_t sentence) const { return place(sentence).file.file(); }

 private:
  struct Place {
    const IndexedDataset& file;
    std::int64_t index;
  };
  Place place(std::int64_t sentence) const;

  std::vector<std::shared_ptr<const IndexedDataset>> files_;
  std::vector<std::int64_t> first_;  // first sentence of each file, then the total
  std::int64_t crop_ = 0;            // 0: none
  CropStart crop_start_;
};

class TokenBlocks {
 public:
  /// The constructor reads the length of every sentence once. `none` and `eos` keep no table of blocks, only
  /// the place of every 64th sentence; `complete` and `complete_doc` keep 16 bytes per block.
  TokenBlocks(SentenceStream sentences, BreakMode mode, std::int64_t tokens_per_sample);

  std::int64_t size() const { return size_; }
  std::int64_t num_tokens(std::int64_t block) const;

  /// The block's tokens.
  void read(std::int64_t block, std::span<std::int64_t> out) const;
  /// The token before the block: </s> if the block begins a sentence, else the preceding token of that
  /// sentence.
  std::int64_t preceding(std::int64_t block) const;

  const SentenceStream& sentences() const { return sentences_; }
  /// The sentence in which the block begins.
  std::int64_t first_sentence(std::int64_t block) const { return begin(block).sentence; }

 private:
  struct Place {
    std::int64_t sentence, offset;  // token `offset` of `sentence`
  };
  struct WholeSentences {
    std::int64_t first, tokens;
  };
  Place begin(std::int64_t block) const;
  void cut_anywhere();
  void cut_complete(bool documents);

  SentenceStream sentences_;
  BreakMode mode_;
  std::int64_t tokens_per_sample_, size_ = 0;
  std::int64_t num_tokens_ = 0;        // `none`: of the stream
  std::vector<std::int64_t> before_;   // tokens before each 64th sentence
  std::vector<WholeSentences> whole_;  // `complete` and `complete_doc`
};

}  // namespace nopos
