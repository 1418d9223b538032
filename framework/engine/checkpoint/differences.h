#pragma once
/// How this run differs from the one that wrote a checkpoint.

#include <string>
#include <vector>

#include "checkpoint.h"
#include "checkpoint_file.h"
#include "pickle.h"
#include "run_config.h"

namespace nopos::engine {

/// Whether this run's components can continue what the checkpoint's began: the same encodings with the same
/// options, and, unless the optimizer is reset, the same criterion and optimizer.
/// \throws Error (configuration) naming both sides.
void check_components(const PickleNode& own, const std::string& file, const RunConfig& config,
                      const LoadOptions& options);

/// One line for each setting that differs, with both values.
std::vector<std::string> setting_differences(const PickleNode& own, const std::string& file,
                                             const RunConfig& config);

/// The same two for a file of fairseq, whose settings stand in `cfg` or `args`.
void check_reference_components(const CheckpointFile& source, const RunConfig& config,
                                const LoadOptions& options);
std::vector<std::string> fairseq_differences(const CheckpointFile& source, const RunConfig& config);

}  // namespace nopos::engine
