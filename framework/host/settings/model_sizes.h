#pragma once
/// Whether a checkpoint's settings can be those of its tensors, asked before a model of such sizes is made.

#include <cstdint>
#include <optional>

#include "checkpoint_file.h"
#include "config_file.h"

namespace nopos::host {

/// A model is never larger than its tensors. \throws Error (data) naming the file, the setting of its
/// `architecture` and what its tensors have instead, where one is; also where learned positions would take
/// more rows, for `positions`, than the file has numbers. What is smaller is left to the loader, which
/// compares name by name.
void expect_sizes_of_tensors(const CheckpointFile& file, const ConfiguredComponent& architecture,
                             std::optional<std::int64_t> positions = {});

}  // namespace nopos::host
