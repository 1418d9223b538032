#pragma once
/// A grid of 256 equal steps through zero, for values as integers of 8 bits.

#include <ATen/core/Tensor.h>

namespace nopos {

struct QuantizationGrid {
  double scale = 1;       ///< the width of a step
  double zero_point = 0;  ///< the step that is 0: a whole number from 0 to 255

  double lowest() const { return -scale * zero_point; }
  double highest() const { return scale * (255 - zero_point); }

  /// x [...] -> the nearest step of each element
  at::Tensor rounded(const at::Tensor& x) const;
};

/// The grid through `values` that fairseq's histogram observer chooses: outer bins of a histogram are
/// given up, on the side that is emptier, for as long as that lowers the mean squared error of rounding.
QuantizationGrid quantization_grid(const at::Tensor& values);

}  // namespace nopos
