#pragma once
/// Dropout: in training, each element is zeroed with probability p and multiplied by 1/(1-p) otherwise.

#include <ATen/core/Tensor.h>

namespace nopos {

/// x [...] -> same shape; returns `x` itself, and draws no random number, if nothing is dropped.
at::Tensor apply_dropout(const at::Tensor& x, double p, bool training);

/// The scale of the elements that are kept: 1/(1-p), or 0 for p = 1.
inline double dropout_scale(double p) { return p < 1 ? 1 / (1 - p) : 0; }

}  // namespace nopos
