#pragma once
/// The counts as a file: JSON, one object with "schema": 1.

#include <filesystem>

#include "pile.h"

namespace nopos {

/// Writes what was done, and to what, with the options that decided it. \throws Error (runtime)
void save_counts(const PileCounts& counts, const PileOptions& options, const std::filesystem::path& file);

}  // namespace nopos
