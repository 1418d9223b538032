#pragma once
/// How this run differs from the one that wrote a checkpoint of ours.

#include <string>
#include <vector>

#include "checkpoint.h"
#include "checkpoint_file.h"
#include "run_config.h"

namespace nopos::engine {

/// Whether this run's components can continue what the checkpoint's began: the same encodings with the same
/// options, and, unless the optimizer is reset, the same criterion and optimizer.
/// \throws Error (configuration) naming both sides.
void check_components(const CheckpointFile& file, const RunConfig& config, const LoadOptions& options);

/// One line for each setting that differs, with both values.
std::vector<std::string> setting_differences(const CheckpointFile& file, const RunConfig& config);

}  // namespace nopos::engine
