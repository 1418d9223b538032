#include "divergence.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace nopos::engine {

WeightRange weight_range(const ParameterSlab& slab) {
  const at::NoGradGuard no_grad;
  WeightRange range;
  for (const auto& segment : slab.segments()) {
    if (segment.parameter.numel() == 0) continue;
    const auto [least, most] = at::aminmax(segment.parameter);  // both are NaN where one value is
    const double largest = std::max(std::fabs(least.item<double>()), std::fabs(most.item<double>()));
    if (!std::isfinite(largest)) {
      range.not_finite = segment.name;
      return range;
    }
    range.largest = std::max(range.largest, largest);
  }
  return range;
}

}  // namespace nopos::engine
