#pragma once
/// A dictionary from text in memory, for example read from a pipe.

#include <string>
#include <string_view>

#include "nopos/dictionary.h"

namespace nopos {

/// As Dictionary::load, from the `bytes` of `file`, which is used in messages only. \throws Error (data)
/// naming the file, the line and the problem.
Dictionary parse_dictionary(std::string_view bytes, const std::string& file);

}  // namespace nopos
