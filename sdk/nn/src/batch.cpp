#include "nopos/batch.h"

#include <ATen/ATen.h>

#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "nopos/error.h"

namespace nopos {
namespace {

at::Tensor owned(const std::vector<std::int64_t>& values, at::IntArrayRef shape) {
  if (values.empty()) return {};
  // from_blob does not write through the pointer; clone takes a copy that the tensor owns
  return at::from_blob(const_cast<std::int64_t*>(values.data()), shape, at::kLong).clone();
}

at::Tensor owned(const std::string& name, const ExtraArray& extra, std::int64_t rows) {
  return std::visit(
      [&](const auto& values) -> at::Tensor {
        using Number = typename std::decay_t<decltype(values)>::value_type;
        const bool fits = !extra.shape.empty() && extra.shape[0] == rows &&
                          c10::multiply_integers(extra.shape) == static_cast<std::int64_t>(values.size());
        if (!fits) {
          throw Error(ExitCode::runtime, "the task's batch has " + std::to_string(rows) +
                                             " rows, but its extra array '" + name + "' has the shape " +
                                             c10::str(at::IntArrayRef(extra.shape)) + " and " +
                                             std::to_string(values.size()) + " numbers.");
        }
        const auto type = std::is_same_v<Number, float> ? at::kFloat : at::kLong;
        return at::from_blob(const_cast<Number*>(values.data()), extra.shape, type).clone();
      },
      extra.values);
}

}  // namespace

Batch to_tensors(const TokenBatch& batch) {
  const std::int64_t rows = batch.rows, columns = batch.columns;
  std::map<std::string, at::Tensor> extra;
  for (const auto& [name, array] : batch.extra) extra[name] = owned(name, array, rows);
  return {.ids = owned(batch.ids, {rows}),
          .tokens = owned(batch.tokens, {rows, columns}),
          .targets = owned(batch.targets, {rows, columns}),
          .lengths = owned(batch.lengths, {rows}),
          .document_ids = owned(batch.document_ids, {rows, columns}),
          .positions = owned(batch.positions, {rows, columns}),
          .num_tokens = batch.num_tokens,
          .num_sentences = rows,
          .extra = std::move(extra)};
}

}  // namespace nopos
