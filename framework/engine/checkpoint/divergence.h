#pragma once
/// What a run that diverged must not leave behind: a checkpoint that nobody can continue from.

#include <optional>
#include <string>

#include "nopos/parameter_slab.h"

namespace nopos::engine {

struct WeightRange {
  double largest = 0;      ///< of the absolute values
  std::string not_finite;  ///< the first parameter with an infinity or NaN; empty: there is none
};

/// One pass over all weights.
WeightRange weight_range(const ParameterSlab& slab);

/// Weights so large that the next loss may overflow, as finite as they are themselves.
inline constexpr double suspicious_weight = 1e6;

}  // namespace nopos::engine
