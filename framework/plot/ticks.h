#pragma once
/// Where an axis has its marks, and what stands beside them.

#include <string>
#include <vector>

namespace nopos::plot {

/// The multiples of 1, 2 or 5 times a power of ten from `low` to `high` (low < high): as many as there can
/// be, but at most `most` (at least 2).
std::vector<double> linear_ticks(double low, double high, int most);

/// For an axis of logarithms (0 < low < high): 1, 2 and 5 of every decade, or 1 and 3, or 1 alone, or powers
/// of ten some decades apart, at most `most` (at least 2); where `low` and `high` are too near, as
/// `linear_ticks`.
std::vector<double> log_ticks(double low, double high, int most);

/// "0.25", "1e-05", "10,000"
std::string tick_label(double value);

}  // namespace nopos::plot
