#pragma once
/// `eval-lm`: the loss of one model, or of an ensemble, on a split.

#include "console.h"
#include "evaluation_config.h"
#include "nopos/error.h"

namespace nopos::engine {

/// \throws Error (data) where there is nothing to evaluate, naming the length of the data and the model's.
ExitCode evaluate(const EvaluationConfig& config);

}  // namespace nopos::engine
