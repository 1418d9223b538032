#include "ticks.h"

#include <cmath>

#include "nopos/log.h"
#include "nopos/strings.h"

namespace nopos::plot {
namespace {

// Ends of an axis that are ticks themselves stay so when a division leaves the last bit wrong.
constexpr double slack = 1e-9;

double power_of_ten(int exponent) { return std::pow(10.0, exponent); }

std::vector<double> multiples(double step, double low, double high) {
  std::vector<double> ticks;
  const double last = std::floor(high / step + slack);
  for (double multiple = std::ceil(low / step - slack); multiple <= last; ++multiple) {
    ticks.push_back(multiple * step + 0.0);  // no negative zero
  }
  return ticks;
}

/// `factors` of every `stride`th decade.
std::vector<double> of_decades(const std::vector<double>& factors, int stride, double low, double high) {
  std::vector<double> ticks;
  const int last = static_cast<int>(std::floor(std::log10(high) + slack));
  for (int decade = static_cast<int>(std::floor(std::log10(low) + slack)); decade <= last; ++decade) {
    if (decade % stride != 0) continue;
    for (const double factor : factors) {
      const double tick = factor * power_of_ten(decade);
      if (tick >= low * (1 - slack) && tick <= high * (1 + slack)) ticks.push_back(tick);
    }
  }
  return ticks;
}

bool fits(const std::vector<double>& ticks, int most) {
  return ticks.size() <= static_cast<std::size_t>(most);
}

}  // namespace

std::vector<double> linear_ticks(double low, double high, int most) {
  for (int exponent = static_cast<int>(std::floor(std::log10((high - low) / most)));; ++exponent) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      auto ticks = multiples(factor * power_of_ten(exponent), low, high);
      if (fits(ticks, most)) return ticks;
    }
  }
}

std::vector<double> log_ticks(double low, double high, int most) {
  for (const auto& factors : std::vector<std::vector<double>>{{1, 2, 5}, {1, 3}}) {
    auto ticks = of_decades(factors, 1, low, high);
    if (ticks.size() < 2) return linear_ticks(low, high, most);
    if (fits(ticks, most)) return ticks;
  }
  for (int stride = 1;; ++stride) {
    auto ticks = of_decades({1}, stride, low, high);
    if (fits(ticks, most)) return ticks;
  }
}

std::string tick_label(double value) {
  constexpr double first_grouped = 1e3, first_scientific = 1e9;
  if (std::abs(value) >= first_grouped && std::abs(value) < first_scientific && value == std::round(value)) {
    return with_thousands(std::llround(value));
  }
  return formatted("%g", value);
}

}  // namespace nopos::plot
