/// A rate that shrinks whenever the validation loss has not improved for some epochs, after a linear warm-up
/// during which no epoch counts. The rule is PyTorch's ReduceLROnPlateau with a relative threshold.
#include <nopos/lr_scheduler.h>

#include <limits>

namespace {

// Changes of the rate smaller than this are not made, as in PyTorch.
constexpr double smallest_change = 1e-8;

class ReduceLrOnPlateau final : public nopos::LRScheduler {
 public:
  struct Options {
    double shrink = 0.1;
    double threshold = 1e-4;
    std::int64_t patience = 0;
    std::int64_t warmup_updates = 0;
    double warmup_init_lr = -1;
    NOPOS_OPTIONS(o) {
      o.add("lr-shrink", &Options::shrink, "factor of each reduction", nopos::Range{0, 1});
      o.add("lr-threshold", &Options::threshold, "relative improvement of the loss that counts as such",
            nopos::AtLeast{0});
      o.add("lr-patience", &Options::patience, "epochs without improvement before the rate is reduced",
            nopos::AtLeast{0});
      o.add("warmup-updates", &Options::warmup_updates, "updates of linear warm-up to --lr",
            nopos::AtLeast{0});
      o.add("warmup-init-lr", &Options::warmup_init_lr, "rate of the first update; below 0: 0");
    }
  };

  ReduceLrOnPlateau(const Options& options, const Context& context)
      : options_(options),
        maximize_(context.maximize),
        peak_(nopos::only_rate(context, "reduce_lr_on_plateau", "the initial rate")),
        rate_(peak_),
        best_((maximize_ ? -1 : 1) * std::numeric_limits<double>::infinity()) {
    if (options_.warmup_init_lr < 0) options_.warmup_init_lr = 0;
  }

  double lr(std::int64_t num_updates) const override {
    if (num_updates > options_.warmup_updates || options_.warmup_updates == 0) return rate_;
    return options_.warmup_init_lr + static_cast<double>(num_updates) * (peak_ - options_.warmup_init_lr) /
                                         static_cast<double>(options_.warmup_updates);
  }

  void end_epoch(std::int64_t epoch, std::int64_t num_updates,
                 std::optional<double> validation_loss) override {
    const bool warm = options_.warmup_updates == 0 || num_updates > options_.warmup_updates;
    if (!validation_loss || !warm) {
      validations_ = epoch;
      return;
    }
    ++validations_;
    const double loss = *validation_loss;
    if (maximize_ ? loss > best_ * (1 + options_.threshold) : loss < best_ * (1 - options_.threshold)) {
      best_ = loss;
      without_improvement_ = 0;
    } else if (++without_improvement_ > options_.patience) {
      const double lower = rate_ * options_.shrink;
      if (rate_ - lower > smallest_change) rate_ = lower;
      without_improvement_ = 0;
    }
  }

  // fairseq keeps the first two, and the rate with the optimizer; it forgets the third.
  std::map<std::string, double> state() const override {
    return {{"best", best_},
            {"last_epoch", static_cast<double>(validations_)},
            {"num_bad_epochs", static_cast<double>(without_improvement_)},
            {"lr", rate_}};
  }
  void restore(const std::map<std::string, double>& state) override {
    const auto saved = [&state](const char* name, double otherwise) {
      const auto found = state.find(name);
      return found == state.end() ? otherwise : found->second;
    };
    best_ = saved("best", best_);
    validations_ = static_cast<std::int64_t>(saved("last_epoch", 0));
    without_improvement_ = static_cast<std::int64_t>(saved("num_bad_epochs", 0));
    rate_ = saved("lr", rate_);
  }

 private:
  Options options_;
  bool maximize_;
  double peak_, rate_, best_;
  std::int64_t validations_ = 0, without_improvement_ = 0;
};

}  // namespace

NOPOS_PLUGIN(plugin) {
  plugin.add<ReduceLrOnPlateau>("reduce_lr_on_plateau",
                                "reduces the rate when the validation loss stops improving");
}
