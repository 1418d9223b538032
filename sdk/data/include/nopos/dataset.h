#pragma once
/// What the engine trains on: samples with a length, and a way to collate some of them into a batch.
///
/// Everything here is plain host memory. The engine's prefetch thread calls `collate`, one call at a time;
/// it must not call LibTorch. The training thread copies the result into tensors. `set_epoch` is never called
/// while a batch is being collated.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace nopos {

/// What else a task gives with a batch: numbers of `shape`, row-major, whose first size is the rows.
struct ExtraArray {
  std::vector<std::int64_t> shape;
  std::variant<std::vector<std::int64_t>, std::vector<float>> values;
};

/// Samples side by side, row-major [rows, columns], padded on the right. Token ids are the dictionary's.
struct TokenBatch {
  static constexpr std::int64_t no_sample = -1;

  std::int64_t rows = 0, columns = 0;
  std::vector<std::int64_t> ids;           ///< [rows] indices of the samples in the dataset, or `no_sample`
  std::vector<std::int64_t> tokens;        ///< [rows, columns]
  std::vector<std::int64_t> targets;       ///< [rows, columns]; padding where there is nothing to predict
  std::vector<std::int64_t> lengths;       ///< [rows] tokens of each row before padding; may be 0
  std::vector<std::int64_t> document_ids;  ///< [rows, columns] or empty: each row is one document
  std::vector<std::int64_t> positions;     ///< [rows, columns] or empty: 0, 1, 2, ... in every document
  std::int64_t num_tokens = 0;             ///< tokens without padding: the sum of lengths
  /// By names of the task's: weights of tokens, spans, a second text. For its own criterion or architecture.
  std::map<std::string, ExtraArray> extra = {};

  bool empty() const { return rows == 0; }
};

class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::int64_t size() const = 0;
  /// Tokens of a sample; batch sizes are measured in these.
  virtual std::int64_t num_tokens(std::int64_t index) const = 0;
  /// Positions a sample occupies in the model; more than `num_tokens` if `collate` adds tokens.
  virtual std::int64_t length(std::int64_t index) const { return num_tokens(index); }
  /// \throws Error (data) if the data are unusable, naming the file.
  virtual TokenBatch collate(std::span<const std::int64_t> indices) const = 0;

  /// The samples in the order in which they are batched; ties are broken at random by `seed`.
  virtual std::vector<std::int64_t> ordered_indices(std::int64_t seed) const = 0;
  /// Called before the batches of an epoch (counted from 1) are requested.
  virtual void set_epoch(std::int64_t epoch) { (void)epoch; }
};

/// fairseq's order: by size, with samples of equal size shuffled. Indices are sorted by (num_tokens,
/// π[index]), where π is the permutation that NumPy's legacy generator draws with `seed`.
std::vector<std::int64_t> indices_by_size(std::span<const std::int64_t> num_tokens, std::int64_t seed);

}  // namespace nopos
