#include "quantization_grid.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace nopos {
namespace {

constexpr int bins = 2048;
constexpr int steps = 256;
constexpr double least_mass = 1e-5;  // share of the values that one more try gives up

/// Counts of values in bins of one width, from `low` on.
struct Histogram {
  std::vector<double> counts;
  double low = 0, width = 0;
};

struct Bins {
  int first = 0, last = bins - 1;  // inclusive
  bool operator==(const Bins&) const = default;
};

/// The integral of t² · density over [begin, end].
double moment(double begin, double end, double density) {
  return density * (end * end * end - begin * begin * begin) / 3;
}

/// The squared error of rounding everything in `histogram` to 256 steps over `range`, each bin's values being
/// spread evenly in it.
double rounding_error(const Histogram& histogram, const Bins& range) {
  const double step = histogram.width * (range.last - range.first + 1) / steps;
  if (step == 0) return 0;
  const auto step_of = [&](double place) { return std::clamp(std::floor(place / step), 0.0, steps - 1.0); };
  double error = 0;
  for (int bin = 0; bin < bins; ++bin) {
    const double begin = (bin - range.first) * histogram.width, end = begin + histogram.width;
    const double density = histogram.counts[bin] / histogram.width;
    const double first = step_of(begin), last = step_of(end);
    error += moment(begin - (first + 0.5) * step, step / 2, density) +
             (last - first - 1) * moment(-step / 2, step / 2, density) +
             moment(-step / 2, end - (last + 0.5) * step, density);
  }
  return error;
}

Bins best_bins(const Histogram& histogram) {
  std::vector<double> below(bins);
  double total = 0;
  for (int bin = 0; bin < bins; ++bin) below[bin] = total += histogram.counts[bin];
  double left_share = 0, right_share = 1, least = std::numeric_limits<double>::infinity();
  Bins best;
  while (left_share < right_share) {
    const double next_left = left_share + least_mass, next_right = right_share - least_mass;
    int left = best.first, right = best.last;
    while (left < best.last && below[left] < next_left * total) ++left;
    while (right > best.first && below[right] > next_right * total) --right;
    Bins next = best;
    if (left - best.first > best.last - right) {
      next.first = left;
      left_share = next_left;
    } else {
      next.last = right;
      right_share = next_right;
    }
    if (next == best) continue;
    const double error = rounding_error(histogram, next);
    if (error > least) break;
    least = error;
    best = next;
  }
  return best;
}

}  // namespace

at::Tensor QuantizationGrid::rounded(const at::Tensor& x) const {
  return x.div(scale).add_(zero_point).round_().clamp_(0, steps - 1).sub_(zero_point).mul_(scale);
}

QuantizationGrid quantization_grid(const at::Tensor& values) {
  const at::Tensor numbers = values.to(at::kCPU, at::kFloat).reshape(-1);
  if (numbers.numel() == 0) return {};
  const auto [least, greatest] = at::aminmax(numbers);
  double low = least.item<double>(), high = greatest.item<double>();
  if (high > low) {
    const at::Tensor counts = at::histc(numbers, bins, low, high).to(at::kDouble);
    const Histogram histogram{
        {counts.const_data_ptr<double>(), counts.const_data_ptr<double>() + bins}, low, (high - low) / bins};
    const Bins range = best_bins(histogram);
    high = low + histogram.width * (range.last + 1);
    low += histogram.width * range.first;
  }
  low = std::min(low, 0.0), high = std::max(high, 0.0);
  QuantizationGrid grid;
  grid.scale = std::max<double>((high - low) / (steps - 1), std::numeric_limits<float>::epsilon());
  grid.zero_point = std::clamp(-std::nearbyint(low / grid.scale), 0.0, steps - 1.0);
  return grid;
}

}  // namespace nopos
