#pragma once
/// How a run differs from the one of fairseq that wrote a file.

#include <string>
#include <vector>

#include "checkpoint_file.h"
#include "run_config.h"

namespace nopos {

/// Whether the run's components can continue what the file's began: the same positional encoding and, unless
/// the optimizer is reset, the same criterion, optimizer and precision.
/// \throws Error (configuration) naming both sides; (data) for a file without settings
void check_fairseq_components(const CheckpointFile& file, const RunConfig& config, bool reset_optimizer);

/// One line for each setting that differs, with both values.
std::vector<std::string> fairseq_differences(const CheckpointFile& file, const RunConfig& config);

}  // namespace nopos
