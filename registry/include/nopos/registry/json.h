#pragma once
/// JSON as registry, host and engine read it from files. Private to them: no interface for plugins carries
/// JSON.

#include <filesystem>

#include "nopos/error.h"
#include "nopos/json.h"

namespace nopos::registry {

using nopos::Json;
using nopos::to_json;
using nopos::value_from_json;

/// \throws Error (`code`) naming the file, and for malformed JSON line and column.
Json read_json(const std::filesystem::path& file, ExitCode code);

}  // namespace nopos::registry
