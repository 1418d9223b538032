#pragma once
/// One batch as tensors.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "nopos/dataset.h"

namespace nopos {

struct Batch {
  at::Tensor ids = {};      ///< [B] int64, indices in the dataset
  at::Tensor tokens = {};   ///< [B,T] int64, padded, usually on the right
  at::Tensor targets = {};  ///< [B,T] int64, padding where there is nothing to predict
  at::Tensor lengths = {};  ///< [B] int64, tokens of each row before padding
  /// [B,T] int64, or undefined: each row is one document. Consecutive tokens with the same id form a
  /// document, which neither attends to nor counts tokens of others.
  at::Tensor document_ids = {};
  at::Tensor positions = {};  ///< [B,T] int64, or undefined: 0, 1, 2, ... in every document, without padding
  std::int64_t num_tokens = 0;  ///< tokens without padding
  std::int64_t num_sentences = 0;
  /// What else the task gave, by its names: int64 or float32, the first dimension is B.
  std::map<std::string, at::Tensor> extra = {};
};

/// Copies a batch into tensors in CPU memory. \throws Error (runtime) if an extra array does not have the
/// numbers that its shape says, or not one row for each of the batch
Batch to_tensors(const TokenBatch& batch);

}  // namespace nopos
