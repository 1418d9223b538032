#pragma once
/// From figures to places in a picture.

#include <vector>

namespace nopos::plot {

struct Axis {
  double low = 0, high = 1;  ///< figures at the two ends, low < high
  bool logarithmic = false;
  double at_low = 0, at_high = 1;  ///< where the ends lie

  double place(double value) const;
  std::vector<double> ticks(int most) const;
};

/// Whether an axis can show `value`: it is finite, not beyond reason, and positive where that is needed.
bool can_show(double value, bool logarithmic);

/// An axis for values from `low` to `high`, with some room at both ends. Places are yet to be set.
Axis axis_around(double low, double high, bool logarithmic);

}  // namespace nopos::plot
