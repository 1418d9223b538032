#pragma once
/// Dropout: while training, each element is zero with probability p and 1/(1-p) times itself otherwise.

#include <ATen/core/Tensor.h>

namespace nopos {

/// x [...] -> the same shape; `x` itself where nothing is dropped, and then nothing is drawn.
at::Tensor apply_dropout(const at::Tensor& x, double p, bool training);

/// What the elements that stay are multiplied by: 1/(1-p), and 0 where nothing stays.
inline double dropout_scale(double p) { return p < 1 ? 1 / (1 - p) : 0; }

}  // namespace nopos
