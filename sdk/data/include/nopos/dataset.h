#pragma once
/// What the engine trains on: samples with a length, and a way to put some of them into one batch.
///
/// Everything here is plain memory; the engine's prefetch thread calls `collate`, one call at a time, and
/// turns the result into tensors. `set_epoch` is never called while a batch is being collated.

#include <cstdint>
#include <span>
#include <vector>

namespace nopos {

/// Samples side by side, row-major [rows, columns], padded on the right. Token ids are the dictionary's.
struct TokenBatch {
  static constexpr std::int64_t no_sample = -1;

  std::int64_t rows = 0, columns = 0;
  std::vector<std::int64_t> ids;           ///< [rows] indices of the samples in the dataset, or `no_sample`
  std::vector<std::int64_t> tokens;        ///< [rows, columns]
  std::vector<std::int64_t> targets;       ///< [rows, columns]; padding where there is nothing to predict
  std::vector<std::int64_t> lengths;       ///< [rows] tokens of each row before padding; may be 0
  std::vector<std::int64_t> document_ids;  ///< [rows, columns] or empty: the whole row is one document
  std::vector<std::int64_t> positions;     ///< [rows, columns] or empty: 0, 1, 2, ... in every row
  std::int64_t num_tokens = 0;             ///< tokens without padding: the sum of lengths

  bool empty() const { return rows == 0; }
};

class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::int64_t size() const = 0;
  /// Tokens of a sample; this is what batches are measured by.
  virtual std::int64_t num_tokens(std::int64_t index) const = 0;
  /// Positions that a sample takes in the model; more than `num_tokens` where `collate` adds some.
  virtual std::int64_t length(std::int64_t index) const { return num_tokens(index); }
  /// \throws Error (data) where the data turn out unusable, naming the file.
  virtual TokenBatch collate(std::span<const std::int64_t> indices) const = 0;

  /// The samples in the order in which batches are cut; ties are broken at random by `seed`.
  virtual std::vector<std::int64_t> ordered_indices(std::int64_t seed) const = 0;
  /// Called before the batches of an epoch (from 1) are asked for.
  virtual void set_epoch(std::int64_t epoch) { (void)epoch; }
};

/// The order of the reference: by size, samples of equal size shuffled. π is the permutation that NumPy's
/// legacy generator draws with `seed`; indices are sorted by (num_tokens, π[index]).
std::vector<std::int64_t> indices_by_size(std::span<const std::int64_t> num_tokens, std::int64_t seed);

}  // namespace nopos
