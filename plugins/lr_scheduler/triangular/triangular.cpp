/// A cyclic rate: from `--lr` up to `--max-lr` and back within each period, the peak of each period
/// `--lr-shrink` times that of the one before. Smith 2017, arXiv 1506.01186.
#include <nopos/error.h>
#include <nopos/lr_scheduler.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace {

class Triangular final : public nopos::LRScheduler {
 public:
  struct Options {
    std::optional<double> max_lr;
    double period_updates = 5000;
    double shrink = 0.1;
    bool shrink_min = false;
    NOPOS_OPTIONS(o) {
      o.add("max-lr", &Options::max_lr, "maximum rate of the first period, above --lr (required)");
      o.add("lr-period-updates", &Options::period_updates, "updates in a period", nopos::AtLeast{2});
      o.add("lr-shrink", &Options::shrink, "factor of the maximum from one period to the next",
            nopos::AtLeast{0});
      o.add("shrink-min", &Options::shrink_min, "reduce the minimum by the same factor");
    }
  };

  Triangular(const Options& options, const Context& context)
      : options_(options),
        min_lr_(nopos::only_rate(context, "triangular", "its floor")),
        half_period_(std::floor(options.period_updates / 2)) {
    if (!options.max_lr || *options.max_lr <= min_lr_) {
      throw nopos::Error(nopos::ExitCode::configuration,
                         "lr_scheduler/triangular rises from --lr (" + nopos::to_text(min_lr_) +
                             ") to --max-lr, which must be given and be larger, but is " +
                             (options.max_lr ? nopos::to_text(*options.max_lr) : "not given") + ".");
    }
  }

  double lr(std::int64_t num_updates) const override {
    const auto n = static_cast<double>(num_updates);
    const double period = std::floor(n / (2 * half_period_)), shrink = std::pow(options_.shrink, period);
    const double peak = *options_.max_lr * shrink, floor = options_.shrink_min ? min_lr_ * shrink : min_lr_;
    const double from_peak = std::abs(n / half_period_ - 2 * (period + 1) + 1);  // 0 there, 1 at both ends
    return floor + (peak - floor) * std::max(0.0, 1 - from_peak);
  }

 private:
  Options options_;
  double min_lr_, half_period_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Triangular>("triangular", "cyclical: triangles between two rates"); }
