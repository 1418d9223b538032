#pragma once
/// The exponential moving average of a model's weights: after every step, decay × itself + (1 - decay) ×
/// weights. Polyak, Juditsky 1992, SIAM J. Control Optim. 30(4).

#include <cstdint>

#include "checkpoint/checkpoint.h"
#include "ema_options.h"

namespace nopos::engine {

class Ema {
 public:
  /// Starts as a copy of the model's parameters and buffers, in `type` (that of its checkpoints).
  Ema(const EmaOptions& options, const Architecture& model, at::ScalarType type);

  /// After update number `num_updates` of the model.
  void step(const Architecture& model, std::int64_t num_updates);

  /// The decay of the last step.
  double decay() const { return decay_; }
  /// What checkpoints keep; the tensors are the average's own.
  EmaState& state() { return state_; }

 private:
  EmaOptions options_;
  double decay_;
  EmaState state_;
};

}  // namespace nopos::engine
