/// Cosine annealing with warm restarts, after a linear warm-up. `--lr` is the peak of the first period; each
/// further period is `--t-mult` times as long, and its peak and floor are `--lr-shrink` times as high.
/// Loshchilov, Hutter 2017, arXiv 1608.03983, section 3.
#include <nopos/error.h>
#include <nopos/lr_scheduler.h>

#include <cmath>
#include <numbers>

namespace {

class Cosine final : public nopos::LRScheduler {
 public:
  struct Options {
    std::int64_t warmup_updates = 0;
    double warmup_init_lr = -1;
    double min_lr = 0;
    double t_mult = 1;
    double period_updates = -1;
    double shrink = 0.1;
    NOPOS_OPTIONS(o) {
      o.add("warmup-updates", &Options::warmup_updates, "updates of linear warm-up to --lr",
            nopos::AtLeast{0});
      o.add("warmup-init-lr", &Options::warmup_init_lr, "rate of the first update; below 0: --min-lr");
      o.add("min-lr", &Options::min_lr, "minimum of the first period");
      o.add("t-mult", &Options::t_mult, "factor by which each period is longer than the previous one",
            nopos::Above{0});
      o.add("lr-period-updates", &Options::period_updates,
            "updates in the first period; 0 or less: from warm-up to --max-update");
      o.add("lr-shrink", &Options::shrink, "factor of maximum and minimum from one period to the next",
            nopos::AtLeast{0});
    }
  };

  Cosine(const Options& options, const Context& context)
      : options_(options), max_lr_(nopos::only_rate(context, "cosine", "the maximum of its first period")) {
    if (max_lr_ <= options.min_lr) {
      refuse("anneals from --lr down to --min-lr, so --lr (" + nopos::to_text(max_lr_) +
             ") must be more than --min-lr (" + nopos::to_text(options.min_lr) + ")");
    }
    if (options_.warmup_init_lr < 0) options_.warmup_init_lr = options.min_lr;
    if (options_.period_updates <= 0) {
      options_.period_updates = static_cast<double>(context.max_update - options.warmup_updates);
    }
    if (options_.period_updates <= 0) {
      refuse("needs the length of its first period: set --lr-period-updates, or a --max-update (here " +
             std::to_string(context.max_update) + ") above --warmup-updates (here " +
             std::to_string(options.warmup_updates) + ")");
    }
  }

  double lr(std::int64_t num_updates) const override {
    const auto n = static_cast<double>(num_updates), warmup = static_cast<double>(options_.warmup_updates);
    if (n < warmup) return options_.warmup_init_lr + n * (max_lr_ - options_.warmup_init_lr) / warmup;

    const double since_warmup = n - warmup, t_mult = options_.t_mult, first = options_.period_updates;
    double period = 0, length = first, start = 0;  // the number of the period, its updates and its begin
    if (t_mult == 1) {
      period = std::floor(since_warmup / first);
      start = period * first;
    } else {
      const double left = 1 - since_warmup / first * (1 - t_mult);
      if (left <= 0) {
        refuse("has no rate for update " + std::to_string(num_updates) + ": with --t-mult " +
               nopos::to_text(t_mult) + " all its periods together last " +
               nopos::to_text(first / (1 - t_mult)) + " updates after the warm-up");
      }
      period = std::floor(std::log(left) / std::log(t_mult));
      length = std::pow(t_mult, period) * first;
      start = (1 - std::pow(t_mult, period)) / (1 - t_mult) * first;
    }
    const double shrink = std::pow(options_.shrink, period);
    const double low = options_.min_lr * shrink, high = max_lr_ * shrink;
    return low + 0.5 * (high - low) * (1 + std::cos(std::numbers::pi * (since_warmup - start) / length));
  }

 private:
  [[noreturn]] static void refuse(const std::string& why) {
    throw nopos::Error(nopos::ExitCode::configuration, "lr_scheduler/cosine " + why + ".");
  }

  Options options_;
  double max_lr_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Cosine>("cosine", "cosine annealing with warm restarts"); }
