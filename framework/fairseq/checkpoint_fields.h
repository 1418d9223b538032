#pragma once
/// What each field of a checkpoint may be, whoever wrote the file: the one place that says so. Options that a
/// checkpoint records are checked by their declarations (nopos/options.h) when they are used.

#include <cstdint>
#include <string>

#include "pickle.h"

namespace nopos {

/// Most positions of a model, and tokens of a block.
inline constexpr std::int64_t max_positions_in_file = 2147483647;

/// \throws Error (data) naming `file`, the first field that is out of its range, its value and the range.
/// Fields that are not there are passed over.
void check_fields(const PickleNode& root, const std::string& file);

}  // namespace nopos
