#pragma once
/// Cuts a dataset into batches, shuffles them by seed and epoch, and distributes them over shards, exactly as
/// fairseq does: the same seed gives the same data in the same order.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "nopos/dataset.h"

namespace nopos {

using BatchIndices = std::vector<std::int64_t>;
using BatchList = std::vector<BatchIndices>;

/// Cuts `indices`, in order, into batches of at most `max_tokens` (rows × longest row) and `max_sentences`
/// samples; a batch's size is a multiple of `multiple` unless it is smaller than that. `num_tokens` is
/// indexed by sample, not by position in `indices`. A limit that is absent or not above 0 means unlimited.
/// \throws Error (data) if a single sample is longer than `max_tokens`.
BatchList batch_by_size(std::span<const std::int64_t> indices, std::span<const std::int64_t> num_tokens,
                        std::optional<std::int64_t> max_tokens, std::optional<std::int64_t> max_sentences,
                        std::int64_t multiple);

struct BatchOptions {
  std::optional<std::int64_t> max_tokens = {}, max_sentences = {};  ///< of a batch
  std::int64_t required_batch_size_multiple = 8;
  std::int64_t max_positions = 0;  ///< longest sample that the model takes; 0: no limit
  /// Drop samples longer than `max_positions` or `max_tokens`, with one warning; otherwise they are an error.
  /// Set for training, and for other splits by --skip-invalid-size-inputs-valid-test.
  bool skip_invalid = false;
  std::int64_t seed = 1;
  bool reorder_each_epoch = false;  ///< --update-ordered-indices-seed: use seed + epoch instead of seed
  bool grouped_shuffling = false;   ///< shuffle groups of `num_shards` batches; an incomplete one is dropped
  std::int64_t num_shards = 1, shard = 0;
};

/// The batches of one split, epoch after epoch.
class EpochBatches {
 public:
  EpochBatches(std::shared_ptr<Dataset> dataset, BatchOptions options);

  /// This shard's batches of `epoch` (from 1). Every shard gets the same number of batches; shorter shards
  /// are filled up with empty ones. `shuffle` is off for validation and for the first `--curriculum` epochs.
  /// \throws Error (data) if a sample is too long and `skip_invalid` is off.
  BatchList batches(std::int64_t epoch, bool shuffle);

  Dataset& dataset() { return *dataset_; }

 private:
  BatchList cut(std::int64_t seed) const;

  std::shared_ptr<Dataset> dataset_;
  BatchOptions options_;
  std::optional<BatchList> cut_;  // cached if every epoch has the same batches
};

}  // namespace nopos
