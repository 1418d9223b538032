/// Three stages: a linear warm-up to `--lr`, a constant rate, an exponential decay; then the last rate.
/// Park et al. 2019, arXiv 1904.08779, section 3.2.
#include <nopos/error.h>
#include <nopos/lr_scheduler.h>

#include <cmath>
#include <numeric>
#include <optional>

namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw nopos::Error(nopos::ExitCode::configuration, "lr_scheduler/tri_stage " + reason + ".");
}

class TriStage final : public nopos::LRScheduler {
 public:
  struct Options {
    std::int64_t warmup_steps = 0, hold_steps = 0, decay_steps = 0;
    std::optional<std::vector<double>> phase_ratio;
    double init_lr_scale = 0.01, final_lr_scale = 0.01;
    NOPOS_OPTIONS(o) {
      o.add("warmup-steps", &Options::warmup_steps, "updates of linear warm-up", nopos::AtLeast{0});
      o.add("hold-steps", &Options::hold_steps, "updates at --lr", nopos::AtLeast{0});
      o.add("decay-steps", &Options::decay_steps, "updates of the exponential decay", nopos::AtLeast{0});
      o.add("phase-ratio", &Options::phase_ratio,
            "lengths of the three stages as fractions of --max-update, instead of numbers of updates",
            nopos::Range{0, 1});
      o.add("init-lr-scale", &Options::init_lr_scale, "initial rate as a fraction of --lr",
            nopos::AtLeast{0});
      o.add("final-lr-scale", &Options::final_lr_scale,
            "final rate as a fraction of --lr, which the decay never takes to 0", nopos::Above{0});
    }
  };

  TriStage(const Options& options, const Context& context)
      : options_(options), peak_(nopos::only_rate(context, "tri_stage", "the rate of its middle stage")) {
    if (options.phase_ratio) divide(*options.phase_ratio, context.max_update);
    if (options_.decay_steps == 0) {
      refuse(
          "decays over --decay-steps updates, which must be more than 0; or give the three stages as "
          "fractions of --max-update by --phase-ratio");
    }
  }

  double lr(std::int64_t num_updates) const override {
    const auto n = static_cast<double>(num_updates), warmup = static_cast<double>(options_.warmup_steps);
    const double initial = options_.init_lr_scale * peak_;
    if (n < warmup) return initial + n * (peak_ - initial) / warmup;
    const double decayed = n - warmup - static_cast<double>(options_.hold_steps);
    if (decayed < 0) return peak_;
    const double share = decayed / static_cast<double>(options_.decay_steps);
    if (share > 1) return options_.final_lr_scale * peak_;
    return peak_ * std::exp(share * std::log(options_.final_lr_scale));
  }

 private:
  void divide(const std::vector<double>& shares, std::int64_t max_update) {
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    if (shares.size() != 3 || std::abs(sum - 1) > 1e-9) {
      refuse("takes three fractions that add up to 1 as --phase-ratio, such as 0.1,0.4,0.5, but was given " +
             nopos::to_text(shares));
    }
    if (max_update <= 0) refuse("divides --max-update by --phase-ratio, so --max-update must be set");
    const auto updates = [&](double share) {
      return static_cast<std::int64_t>(static_cast<double>(max_update) * share);
    };
    options_.warmup_steps = updates(shares[0]);
    options_.hold_steps = updates(shares[1]);
    options_.decay_steps = updates(shares[2]);
  }

  Options options_;
  double peak_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<TriStage>("tri_stage", "warm-up, constant rate, exponential decay"); }
