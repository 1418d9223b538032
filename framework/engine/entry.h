#pragma once
/// What `nopos-host` calls in libnopos_engine.so, found by name after dlopen.

#include "evaluation_config.h"
#include "run_config.h"

namespace nopos::engine {

/// Trains as configured. \throws Error
using TrainFunction = int (*)(const RunConfig& config);  // -> ExitCode
inline constexpr const char* train_symbol = "nopos_engine_train";

/// Restores the checkpoint that the options name and validates once; `json`: the figures go to standard
/// output, the log to standard error. \throws Error
using ValidateFunction = int (*)(const RunConfig& config, bool json);  // -> ExitCode
inline constexpr const char* validate_symbol = "nopos_engine_validate";

/// Evaluates as configured. \throws Error
using EvaluateFunction = int (*)(const EvaluationConfig& config);  // -> ExitCode
inline constexpr const char* evaluate_symbol = "nopos_engine_evaluate";

}  // namespace nopos::engine
