#pragma once
/// What cases measure.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model.h"
#include "subject.h"

namespace nopos::conformance {

constexpr double equal_in_double = 1e-10;
constexpr std::int64_t length = 13;  ///< of most sequences

/// [rows,columns], drawn; no padding.
at::Tensor some_tokens(std::int64_t rows, std::int64_t columns, std::uint64_t seed = 5);

/// The largest difference of two elements; infinite where there are NaN, or other sizes.
double apart(const at::Tensor& a, const at::Tensor& b);

bool is_finite(const at::Tensor& x);

/// `columns`, or as many as the encodings can encode.
std::int64_t at_most(Model& model, std::int64_t columns);

/// Every way in which `batch` may be given to the model, if `columns` is the longest sequence around: at
/// once, and, where the planned length matters, with that plan.
at::Tensor compared_features(Model& model, const Batch& batch, std::int64_t columns);

/// The state of the default generator.
at::Tensor generator_state();

/// A scalar of the features whose gradients are not alike.
at::Tensor loss_of(const at::Tensor& features);

/// Gradients of the loss of `tokens`, in the order of `parameters`; undefined where there is none.
std::vector<at::Tensor> gradients_of(Model& model, const at::Tensor& tokens);
void clear_gradients(Model& model);

/// Analytic gradients of the parameters whose name starts with `prefix`, against central differences in two
/// random directions, relative to their size.
Worst gradient_errors(Model& model, const std::string& prefix);

/// Each chunking of `tokens` against one forward.
Worst chunk_errors(Model& model, const at::Tensor& tokens,
                   const std::vector<std::vector<std::int64_t>>& splits);

}  // namespace nopos::conformance
