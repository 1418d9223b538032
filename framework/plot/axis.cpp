#include "axis.h"

#include <algorithm>
#include <cmath>

#include "ticks.h"

namespace nopos::plot {

double Axis::place(double value) const {
  const double part =
      logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return at_low + part * (at_high - at_low);
}

std::vector<double> Axis::ticks(int most) const {
  return logarithmic ? log_ticks(low, high, most) : linear_ticks(low, high, most);
}

bool can_show(double value, bool logarithmic) {
  constexpr double largest = 1e100, smallest = 1e-100;  // so that differences and quotients are finite
  return std::abs(value) <= largest && (!logarithmic || value >= smallest);
}

Axis axis_around(double low, double high, bool logarithmic) {
  constexpr double room = 0.05, narrow = 1e-6;
  Axis axis;
  axis.logarithmic = logarithmic;
  if (logarithmic) {
    const double factor = std::max(std::pow(high / low, room), 1 + room);
    axis.low = low / factor;
    axis.high = high * factor;
  } else {
    const double least = std::max(std::abs(low), std::abs(high)) * narrow;
    const double margin = high - low > least ? (high - low) * room : std::max(least, narrow);
    axis.low = low - margin;
    axis.high = high + margin;
  }
  return axis;
}

}  // namespace nopos::plot
