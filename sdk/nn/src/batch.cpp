#include "nopos/batch.h"

#include <ATen/ATen.h>

namespace nopos {
namespace {

at::Tensor owned(const std::vector<std::int64_t>& values, at::IntArrayRef shape) {
  if (values.empty()) return {};
  // from_blob does not write through the pointer; clone takes a copy that the tensor owns
  return at::from_blob(const_cast<std::int64_t*>(values.data()), shape, at::kLong).clone();
}

}  // namespace

Batch to_tensors(const TokenBatch& batch) {
  const std::int64_t rows = batch.rows, columns = batch.columns;
  return {.ids = owned(batch.ids, {rows}),
          .tokens = owned(batch.tokens, {rows, columns}),
          .targets = owned(batch.targets, {rows, columns}),
          .lengths = owned(batch.lengths, {rows}),
          .document_ids = owned(batch.document_ids, {rows, columns}),
          .positions = owned(batch.positions, {rows, columns}),
          .num_tokens = batch.num_tokens,
          .num_sentences = rows};
}

}  // namespace nopos
