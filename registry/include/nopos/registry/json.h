#pragma once
/// Reads JSON files for registry, host and engine. Private to them: no plugin interface uses JSON.

#include <filesystem>

#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/json.h"

namespace nopos::registry {

using nopos::Json;
using nopos::to_json;
using nopos::value_from_json;

/// Reads a file of at most most_json_bytes; `source` says what it may be. \throws Error (`code`) naming the
/// file and, for malformed JSON, line and column.
Json read_json(const std::filesystem::path& file, ExitCode code, Source source = Source::regular);

}  // namespace nopos::registry
