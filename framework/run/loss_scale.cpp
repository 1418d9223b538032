#include "loss_scale.h"

#include <algorithm>

#include "nopos/error.h"
#include "nopos/options.h"

namespace nopos::engine {
namespace {

constexpr double factor = 2;
constexpr std::int64_t updates_of_window = std::int64_t{1} << 14;  // in batches, whatever --update-freq

template <class Number>
void take(const std::map<std::string, double>& state, const char* name, Number& number) {
  if (const auto found = state.find(name); found != state.end()) number = static_cast<Number>(found->second);
}

/// `--fp16`: doubles after a window of updates without overflow; the share of overflows since the last change
/// decides whether one of them halves it.
class DynamicLossScale final : public LossScale {
 public:
  DynamicLossScale(const CommonOptions& common, std::int64_t window)
      : LossScale(static_cast<double>(common.fp16_init_scale), common.min_loss_scale),
        window_(window),
        tolerance_(common.fp16_scale_tolerance),
        threshold_(common.threshold_loss_scale) {}

  void succeeded() override {
    if ((iteration_ - last_overflow_) % window_ == 0) {
      value_ *= factor;
      last_rescale_ = iteration_;
    }
    ++iteration_;
  }

  std::string overflowed() override {
    const double share =
        static_cast<double>(overflows_ + 1) / static_cast<double>(iteration_ - last_rescale_);
    const bool falls = share >= tolerance_;
    const double next = falls ? std::max(value_ / factor, threshold_.value_or(0)) : value_;
    check(next);
    value_ = next;
    last_overflow_ = iteration_;
    overflows_ = falls ? 0 : overflows_ + 1;
    if (falls) last_rescale_ = iteration_;
    ++iteration_;
    return "NOTE: gradient overflow detected, ignoring gradient, setting loss scale to: " + to_text(value_);
  }

  bool exact_clipping() const override { return true; }

  std::map<std::string, double> state() const override {
    return {{"loss_scale", value_},
            {"iteration", static_cast<double>(iteration_)},
            {"last_overflow", static_cast<double>(last_overflow_)},
            {"last_rescale", static_cast<double>(last_rescale_)},
            {"overflows", static_cast<double>(overflows_)}};
  }

  void restore(const std::map<std::string, double>& state) override {
    take(state, "loss_scale", value_);
    take(state, "iteration", iteration_);
    take(state, "last_overflow", last_overflow_);
    take(state, "last_rescale", last_rescale_);
    take(state, "overflows", overflows_);
  }

 private:
  std::int64_t window_;
  double tolerance_;
  std::optional<double> threshold_;
  std::int64_t iteration_ = 0, last_overflow_ = -1, last_rescale_ = -1;
  std::int64_t overflows_ = 0;  // since the last change
};

/// `--amp`: PyTorch's GradScaler, which counts updates since the last change.
class GradScale final : public LossScale {
 public:
  GradScale(const CommonOptions& common, std::int64_t window)
      : LossScale(static_cast<double>(common.fp16_init_scale), common.min_loss_scale),
        window_(window),
        retries_(common.amp_batch_retries) {}

  void succeeded() override {
    if (++good_ < window_) return;
    value_ *= factor;
    good_ = 0;
  }

  std::string overflowed() override {
    check(value_ / factor, "AMP: ");
    value_ /= factor;
    good_ = 0;
    return "AMP: overflow detected, setting scale to to " + to_text(value_);
  }

  std::int64_t retries() const override { return retries_; }

  std::map<std::string, double> state() const override {
    return {{"loss_scale", value_}, {"good", static_cast<double>(good_)}};
  }
  void restore(const std::map<std::string, double>& state) override {
    take(state, "loss_scale", value_);
    take(state, "good", good_);
  }

 private:
  std::int64_t window_, retries_, good_ = 0;
};

}  // namespace

void LossScale::check(double value, const std::string& prefix) const {
  if (value > smallest_) return;
  throw Error(ExitCode::runtime,
              prefix + "Minimum loss scale reached (" + to_text(smallest_) +
                  "). Your loss is probably exploding. Try lowering the learning rate, using gradient "
                  "clipping or increasing the batch size.");
}

std::unique_ptr<LossScale> make_loss_scale(const CommonOptions& common,
                                           const std::vector<std::int64_t>& update_freq) {
  constexpr std::int64_t default_growth = 2000;  // PyTorch's
  if (common.amp) {
    return std::make_unique<GradScale>(common, common.amp_scale_window.value_or(default_growth));
  }
  if (!common.fp16 && !common.memory_efficient_fp16) return nullptr;
  if (!common.fp16_scale_window && update_freq.size() > 1) {
    throw Error(ExitCode::configuration,
                "--fp16-scale-window must be given explicitly when --update-freq has several numbers.");
  }
  return std::make_unique<DynamicLossScale>(common, common.fp16_scale_window.value_or(std::max<std::int64_t>(
                                                        1, updates_of_window / update_freq.at(0))));
}

}  // namespace nopos::engine
