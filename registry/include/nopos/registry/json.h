#pragma once
/// JSON as registry, host and engine read it from files. Private to them: no interface for plugins carries
/// JSON.

#include <filesystem>

#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/json.h"

namespace nopos::registry {

using nopos::Json;
using nopos::to_json;
using nopos::value_from_json;

/// Opens the file once: a regular one, or what `source` allows, of most_json_bytes at most.
/// \throws Error (`code`) naming the file, and for malformed JSON line and column.
Json read_json(const std::filesystem::path& file, ExitCode code, Source source = Source::regular);

}  // namespace nopos::registry
