#pragma once
/// Samples of a language model: the targets are the tokens of a block, the source is the same tokens shifted
/// right by one.
///
///     block    11 12 13 2 2
///     source   10 11 12 13 2     (10: the token before the block, </s> where the block begins a sentence)
///     target   11 12 13 2 2

#include <cstdint>
#include <functional>
#include <vector>

#include "nopos/dataset.h"
#include "nopos/dictionary.h"
#include "nopos/token_blocks.h"

namespace nopos {

/// Document ids, 0, 1, ... in each row of `batch`: a document ends with an empty line, a </s> behind a </s>.
/// The </s> of that line is the last target of one document and the first source of the next.
///
///     source      2  11  12  2  2  13  14
///     document    0   0   0  0  1   1   1
std::vector<std::int64_t> document_ids(const TokenBatch& batch);

class MonolingualDataset final : public Dataset {
 public:
  struct Settings {
    std::int64_t vocabulary = 0;         ///< ids in the data are below this
    std::int64_t output_vocabulary = 0;  ///< targets from this id on become <unk>
    bool add_bos = false;                ///< <s> before source and target; counted in `length` only
    std::int64_t columns = 0;         ///< least number of columns of a batch; 0: as many as its longest row
    std::int64_t rows = 0;            ///< least number of rows of a batch; rows without a sample are padding
    bool separate_documents = false;  ///< batches have document ids
  };

  MonolingualDataset(TokenBlocks blocks, Settings settings);
  /// `on_epoch` is called by `set_epoch`, for crops that differ from epoch to epoch.
  void on_epoch(std::function<void(std::int64_t)> on_epoch) { on_epoch_ = std::move(on_epoch); }

  std::int64_t size() const override { return blocks_.size(); }
  std::int64_t num_tokens(std::int64_t index) const override { return blocks_.num_tokens(index); }
  std::int64_t length(std::int64_t index) const override { return num_tokens(index) + settings_.add_bos; }
  TokenBatch collate(std::span<const std::int64_t> indices) const override;
  std::vector<std::int64_t> ordered_indices(std::int64_t seed) const override;
  void set_epoch(std::int64_t epoch) override;

 private:
  TokenBlocks blocks_;
  Settings settings_;
  std::function<void(std::int64_t)> on_epoch_;
};

}  // namespace nopos
