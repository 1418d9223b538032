#pragma once
/// When a run validates, saves and stops: fairseq's rules, as functions of where the run stands.

#include <cstdint>
#include <optional>
#include <string>

#include "checkpoint_options.h"
#include "dataset_options.h"
#include "optimization_options.h"

namespace nopos::engine {

/// Where a run stands after an update.
struct Standing {
  std::int64_t num_updates = 0, epoch = 1;
  bool end_of_epoch = false;
  double training_hours = 0;  ///< of all processes that trained this model so far
};

struct Decision {
  bool validate = false, save = false;
  std::string stop;  ///< why to stop; empty: go on
};

Decision decide(const Standing& at, const OptimizationOptions& optimization, const DatasetOptions& dataset,
                const CheckpointOptions& checkpoint);

/// `--patience`: counts validations in a row without a strict improvement.
class Patience {
 public:
  explicit Patience(const CheckpointOptions& checkpoint);
  /// Takes in a validation -> why to stop, or an empty text.
  std::string stop_after(std::optional<double> validation_loss);

 private:
  std::int64_t limit_, without_improvement_ = 0;
  bool maximize_;
  std::optional<double> best_;
};

}  // namespace nopos::engine
