#pragma once
/// Cuts a dataset into batches, shuffles them by seed and epoch, and deals them to shards, exactly as the
/// reference does, so that the same seed sees the same data in the same order.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "nopos/dataset.h"

namespace nopos {

using BatchIndices = std::vector<std::int64_t>;
using BatchList = std::vector<BatchIndices>;

/// Cuts `indices` in their order into batches of at most `max_tokens` (rows × longest row) and
/// `max_sentences` samples; a batch's size is a multiple of `multiple` wherever it is not smaller than it.
/// `num_tokens` is indexed by sample, not by place in the order. No limit, or one of 0 or less: unlimited.
/// \throws Error (data) where one sample alone is longer than `max_tokens`.
BatchList batch_by_size(std::span<const std::int64_t> indices, std::span<const std::int64_t> num_tokens,
                        std::optional<std::int64_t> max_tokens, std::optional<std::int64_t> max_sentences,
                        std::int64_t multiple);

struct BatchOptions {
  std::optional<std::int64_t> max_tokens = {}, max_sentences = {};  ///< of a batch
  std::int64_t required_batch_size_multiple = 8;
  std::int64_t max_positions = 0;  ///< of the model: longer samples do not fit it; 0: no limit
  /// Drop samples that are longer than `max_positions` or than `max_tokens`, with one warning: always when
  /// training, with --skip-invalid-size-inputs-valid-test otherwise. If off, such samples are an error.
  bool skip_invalid = false;
  std::int64_t seed = 1;
  bool reorder_each_epoch = false;  ///< --update-ordered-indices-seed: seed + epoch takes the place of seed
  bool grouped_shuffling = false;   ///< shuffle groups of `num_shards` batches; an incomplete one is dropped
  std::int64_t num_shards = 1, shard = 0;
};

/// The batches of one split, epoch after epoch.
class EpochBatches {
 public:
  EpochBatches(std::shared_ptr<Dataset> dataset, BatchOptions options);

  /// This shard's batches of `epoch` (from 1). Every shard gets the same number; where one has fewer, empty
  /// batches fill up. `shuffle` is off for validation and for the first `--curriculum` epochs.
  /// \throws Error (data) where a sample is too long and `skip_invalid` is off.
  BatchList batches(std::int64_t epoch, bool shuffle);

  Dataset& dataset() { return *dataset_; }

 private:
  BatchList cut(std::int64_t seed) const;

  std::shared_ptr<Dataset> dataset_;
  BatchOptions options_;
  std::optional<BatchList> cut_;  // kept, where every epoch has the same batches
};

}  // namespace nopos
