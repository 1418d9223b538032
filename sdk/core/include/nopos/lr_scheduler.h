#pragma once
/// The kind `lr_scheduler`: how the learning rate follows the number of updates.
///
/// A plugin overrides `lr`, a pure function wherever its formula is one. Schedulers that watch epochs or the
/// validation loss keep what they saw in members and name it in `state`.
///
/// Called from the training thread only. Rates are in the optimizer's own unit (one `--lr`).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nopos/plugin.h"

namespace nopos {

class LRScheduler {
 public:
  using Interface = LRScheduler;
  static constexpr const char* kind = "lr_scheduler";
  static constexpr int interface_version = kind_interface(kind);

  struct Context {
    std::vector<double> lr;       ///< `--lr`: one rate, or one per epoch; never empty
    std::int64_t max_update = 0;  ///< `--max-update`; 0: no limit
    bool maximize = false;        ///< `--maximize-best-checkpoint-metric`: a higher validation loss is better
  };

  virtual ~LRScheduler() = default;

  /// The rate after `num_updates` finished updates: lr(0) holds for the first one.
  virtual double lr(std::int64_t num_updates) const = 0;

  /// Told when epoch `epoch` (from 1) begins.
  virtual void begin_epoch(std::int64_t epoch) { (void)epoch; }

  /// Told when epoch `epoch` has ended, after `num_updates` updates in all, and, where there was a
  /// validation, its loss.
  virtual void end_epoch(std::int64_t epoch, std::int64_t num_updates,
                         std::optional<double> validation_loss) {
    (void)epoch, (void)num_updates;
    if (validation_loss && (!best_ || *validation_loss < *best_)) best_ = validation_loss;
  }

  /// What a checkpoint must keep beyond the number of updates; the keys are the reference's.
  virtual std::map<std::string, double> state() const {
    return best_ ? std::map<std::string, double>{{"best", *best_}} : std::map<std::string, double>{};
  }
  virtual void restore(const std::map<std::string, double>& state) {
    if (const auto found = state.find("best"); found != state.end()) best_ = found->second;
  }

 private:
  std::optional<double> best_;  // lowest validation loss so far; the reference keeps it in every schedule
};

/// The one rate of `context`, for schedules that take no list. \throws Error (configuration) for a list,
/// naming the schedule and, in `what`, what the one rate is to it ("its peak").
double only_rate(const LRScheduler::Context& context, const std::string& schedule, const std::string& what);

}  // namespace nopos
