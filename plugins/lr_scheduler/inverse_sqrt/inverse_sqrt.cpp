/// A linear warm-up to `--lr`, then a decay with the inverse square root of the number of updates.
/// Vaswani et al. 2017, arXiv 1706.03762, section 5.3.
#include <nopos/lr_scheduler.h>

#include <cmath>

namespace {

class InverseSqrt final : public nopos::LRScheduler {
 public:
  struct Options {
    std::int64_t warmup_updates = 4000;
    double warmup_init_lr = -1;
    NOPOS_OPTIONS(o) {
      o.add("warmup-updates", &Options::warmup_updates, "updates of linear warm-up to --lr",
            nopos::AtLeast{1});
      o.add("warmup-init-lr", &Options::warmup_init_lr, "rate of the first update; below 0: 0");
    }
  };

  InverseSqrt(const Options& options, const Context& context)
      : peak_(nopos::only_rate(context, "inverse_sqrt", "its peak")),
        init_(options.warmup_init_lr < 0 ? 0 : options.warmup_init_lr),
        warmup_(static_cast<double>(options.warmup_updates)) {}

  double lr(std::int64_t num_updates) const override {
    const auto n = static_cast<double>(num_updates);
    return n < warmup_ ? init_ + n * (peak_ - init_) / warmup_ : peak_ * std::sqrt(warmup_) / std::sqrt(n);
  }

 private:
  double peak_, init_, warmup_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<InverseSqrt>("inverse_sqrt", "warm-up, then inverse square-root decay"); }
