/// A linear warm-up from 0 to `--lr`, then a polynomial decay that reaches `--end-learning-rate` at
/// `--total-num-update`. With a warm-up the first update has rate 0, as in fairseq.
#include <nopos/error.h>
#include <nopos/lr_scheduler.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace {

class PolynomialDecay final : public nopos::LRScheduler {
 public:
  struct Options {
    std::int64_t warmup_updates = 0;
    double end_learning_rate = 0;
    double power = 1;
    std::optional<std::int64_t> total_num_update;
    NOPOS_OPTIONS(o) {
      o.add("warmup-updates", &Options::warmup_updates, "updates of linear warm-up from 0",
            nopos::AtLeast{0});
      o.refused(
          "force-anneal", nopos::not_given<std::int64_t>,
          "epoch from which the rate decays from its current value",
          "it would compound the decay at every epoch; describe the decay by --total-num-update and --power");
      o.add("end-learning-rate", &Options::end_learning_rate, "final rate");
      o.add("power", &Options::power, "exponent of the decay; 1: linear", nopos::AtLeast{0});
      o.add("total-num-update", &Options::total_num_update, "update at which the decay ends (required)",
            nopos::AtLeast{1});
    }
  };

  PolynomialDecay(const Options& options, const Context& context)
      : options_(options), rates_(context.lr), rate_(rates_[0]) {
    if (!options.total_num_update) {
      throw nopos::Error(nopos::ExitCode::configuration,
                         "lr_scheduler/polynomial_decay needs --total-num-update, the update at which the "
                         "rate reaches --end-learning-rate; it is usually the same as --max-update.");
    }
  }

  double lr(std::int64_t num_updates) const override {
    if (options_.warmup_updates > 0 && num_updates <= options_.warmup_updates) {
      return rate_ * static_cast<double>(num_updates) / static_cast<double>(options_.warmup_updates);
    }
    if (num_updates >= *options_.total_num_update) return options_.end_learning_rate;
    const auto done = static_cast<double>(num_updates - options_.warmup_updates);
    const auto decay_updates = static_cast<double>(*options_.total_num_update - options_.warmup_updates);
    return (rate_ - options_.end_learning_rate) * std::pow(1 - done / decay_updates, options_.power) +
           options_.end_learning_rate;
  }

  // fairseq takes entry `epoch` of the list, where `fixed` takes epoch - 1.
  void begin_epoch(std::int64_t epoch) override {
    rate_ = rates_[std::min(static_cast<std::size_t>(epoch), rates_.size() - 1)];
  }

 private:
  Options options_;
  std::vector<double> rates_;
  double rate_;
};

}  // namespace

NOPOS_PLUGIN(plugin) {
  plugin.add<PolynomialDecay>("polynomial_decay", "warm-up, then polynomial decay to an end rate");
}
