#pragma once
/// The kind `lr_scheduler`: the learning rate as a function of the number of updates.
///
/// A plugin overrides `lr`, a pure function wherever the formula allows. Schedulers that depend on epochs or
/// the validation loss keep that in members and save it in `state`.
///
/// Called from the training thread only. Rates are in the unit of `--lr`.

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
  static constexpr InterfaceVersion interface_version = kind_interface(kind);

  struct Context {
    std::vector<double> lr;       ///< `--lr`: one rate, or one per epoch; never empty
    std::int64_t max_update = 0;  ///< `--max-update`; 0: no limit
    bool maximize = false;        ///< `--maximize-best-checkpoint-metric`: a higher validation loss is better
  };

  virtual ~LRScheduler() = default;

  /// The rate after `num_updates` completed updates: lr(0) is the rate of the first update.
  virtual double lr(std::int64_t num_updates) const = 0;

  /// Called when epoch `epoch` (counted from 1) begins.
  virtual void begin_epoch(std::int64_t epoch) { (void)epoch; }

  /// Called when epoch `epoch` has ended, after `num_updates` updates in total. `validation_loss` is set if
  /// the epoch ended with a validation.
  virtual void end_epoch(std::int64_t epoch, std::int64_t num_updates,
                         std::optional<double> validation_loss) {
    (void)epoch, (void)num_updates;
    if (validation_loss && (!best_ || *validation_loss < *best_)) best_ = validation_loss;
  }

  /// State to save in checkpoints besides the number of updates; the keys are fairseq's.
  virtual std::map<std::string, double> state() const {
    return best_ ? std::map<std::string, double>{{"best", *best_}} : std::map<std::string, double>{};
  }
  virtual void restore(const std::map<std::string, double>& state) {
    if (const auto found = state.find("best"); found != state.end()) best_ = found->second;
  }

 private:
  std::optional<double> best_;  // lowest validation loss so far; fairseq keeps it in every schedule
};

/// The rate of `context`, for schedules that take a single one. `what` says what it means to the schedule
/// ("its peak"). \throws Error (configuration) if `--lr` is a list, naming the schedule and `what`.
double only_rate(const LRScheduler::Context& context, const std::string& schedule, const std::string& what);

}  // namespace nopos
