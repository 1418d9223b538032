#pragma once
/// Weights may be kept in a narrower type than a model computes in: they are widened where they are used, one
/// at a time, so that a model takes no more memory than its file.

#include <ATen/core/Tensor.h>

namespace nopos {

/// `weight` in the type of `x`, or undefined as it is.
inline at::Tensor widened_to(const at::Tensor& x, const at::Tensor& weight) {
  return weight.defined() ? weight.to(x.scalar_type()) : weight;
}

}  // namespace nopos
