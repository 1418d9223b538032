#pragma once
/// A dictionary from text that is in memory, as a pipe leaves it.

#include <string>
#include <string_view>

#include "nopos/dictionary.h"

namespace nopos {

/// As Dictionary::load, from `bytes` that `file` held. \throws Error (data) naming file, line and what is
/// wrong with it.
Dictionary parse_dictionary(std::string_view bytes, const std::string& file);

}  // namespace nopos
