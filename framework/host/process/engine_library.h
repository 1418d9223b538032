#pragma once
/// The way from the thin host to the engine: LibTorch first, then libnopos_engine.so beside it.

#include <string>

#include "evaluation_config.h"
#include "run_config.h"

namespace nopos::host {

/// "LibTorch 2.11.0 in /usr/lib/..., found by NOPOS_TORCH_ROOT", or why there is none. Loads nothing.
std::string torch_description();

/// Loads LibTorch and the engine, and trains, validates or evaluates. Returns the exit code. \throws Error
int train_with_engine(const RunConfig& config);
int validate_with_engine(const RunConfig& config, bool json);
int evaluate_with_engine(const EvaluationConfig& config);

}  // namespace nopos::host
