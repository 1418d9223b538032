#include "schedule_rules.h"

#include <cmath>

#include "nopos/options.h"

namespace nopos::engine {
namespace {

/// Whether an interval of `every` (0: never) ends at `count`.
bool due(std::int64_t count, std::int64_t every) { return every > 0 && count > 0 && count % every == 0; }

}  // namespace

Decision decide(const Standing& at, const OptimizationOptions& optimization, const DatasetOptions& dataset,
                const CheckpointOptions& checkpoint) {
  Decision decision;
  const std::int64_t n = at.num_updates;
  if (optimization.max_update > 0 && n >= optimization.max_update) {
    decision.stop = "Stopping training due to num_updates: " + std::to_string(n) +
                    " >= max_update: " + std::to_string(optimization.max_update);
  } else if (optimization.stop_time_hours > 0 && at.training_hours > optimization.stop_time_hours) {
    decision.stop = "Stopping training due to cumulative_training_time: " + to_text(at.training_hours) +
                    " > stop_time_hours: " + to_text(optimization.stop_time_hours) + " hour(s)";
  }
  const bool stops = !decision.stop.empty(), late_enough = n >= dataset.validate_after_updates;
  decision.save = stops || (at.end_of_epoch && due(at.epoch, checkpoint.save_interval)) ||
                  (due(n, checkpoint.save_interval_updates) && late_enough);
  decision.validate = !dataset.disable_validation && late_enough &&
                      (stops || (!at.end_of_epoch && decision.save) ||
                       (at.end_of_epoch && due(at.epoch, dataset.validate_interval)) ||
                       due(n, dataset.validate_interval_updates));
  return decision;
}

Patience::Patience(const CheckpointOptions& checkpoint)
    : limit_(checkpoint.patience), maximize_(checkpoint.maximize_best_checkpoint_metric) {}

std::string Patience::stop_after(std::optional<double> loss) {
  if (!loss || limit_ <= 0) return {};
  if (std::isfinite(*loss) && (!best_ || (maximize_ ? *loss > *best_ : *loss < *best_))) {
    best_ = loss;
    without_improvement_ = 0;
    return {};
  }
  if (++without_improvement_ < limit_) return {};
  return "early stop since valid performance hasn't improved for last " + std::to_string(limit_) + " runs";
}

}  // namespace nopos::engine
