/// A rate that falls by a factor every so many updates, after a linear warm-up.
#include <nopos/error.h>
#include <nopos/lr_scheduler.h>

#include <algorithm>
#include <cmath>

namespace {

class Step final : public nopos::LRScheduler {
 public:
  struct Options {
    std::int64_t warmup_updates = 0;
    double warmup_init_lr = -1;
    double min_lr = 0;
    std::int64_t decay_period = 25000;
    double decay = 0.5;
    NOPOS_OPTIONS(o) {
      o.add("warmup-updates", &Options::warmup_updates, "updates of linear warm-up to --lr",
            nopos::AtLeast{0});
      o.add("warmup-init-lr", &Options::warmup_init_lr, "rate of the first update; below 0: --min-lr");
      o.add("min-lr", &Options::min_lr, "lowest rate", nopos::AtLeast{0});
      o.add("lr-deacy-period", &Options::decay_period, "updates between reductions", nopos::AtLeast{1});
      o.add("lr-decay", &Options::decay, "factor of each reduction", nopos::Range{0, 1});
    }
  };

  // fairseq takes the first of several rates without a word.
  Step(const Options& options, const Context& context)
      : options_(options), max_lr_(nopos::only_rate(context, "step", "its maximum rate")) {
    if (max_lr_ <= options.min_lr) {
      throw nopos::Error(nopos::ExitCode::configuration,
                         "lr_scheduler/step decays from --lr, which must be more than --min-lr (" +
                             nopos::to_text(options.min_lr) + "), but is " + nopos::to_text(max_lr_) + ".");
    }
    if (options_.warmup_init_lr < 0) options_.warmup_init_lr = options.min_lr;
  }

  double lr(std::int64_t num_updates) const override {
    const std::int64_t since_warmup = num_updates - options_.warmup_updates;
    if (since_warmup < 0) {
      return options_.warmup_init_lr + static_cast<double>(num_updates) *
                                           (max_lr_ - options_.warmup_init_lr) /
                                           static_cast<double>(options_.warmup_updates);
    }
    const auto falls = static_cast<double>(since_warmup / options_.decay_period);
    return std::max(max_lr_ * std::pow(options_.decay, falls), options_.min_lr);
  }

 private:
  Options options_;
  double max_lr_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Step>("step", "reduces the rate at fixed intervals"); }
