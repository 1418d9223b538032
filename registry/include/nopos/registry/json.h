#pragma once
/// JSON as registry, host and engine read and write it. Private to them: no interface for plugins carries JSON.

#include <filesystem>
#include <nlohmann/json.hpp>

#include "nopos/error.h"
#include "nopos/options.h"

namespace nopos::registry {

/// Objects keep the order in which their keys were written.
using Json = nlohmann::ordered_json;

/// \throws Error (`code`) naming the file, and for malformed JSON line and column.
Json read_json(const std::filesystem::path& file, ExitCode code);

/// The value as JSON's own types say; `checked_value` fits it to an option. A list of numbers becomes a list
/// of integers where all of them are. \throws std::invalid_argument for an object or a list of anything else.
Value value_from_json(const Json& json);

/// The other way; "not given" becomes null.
Json to_json(const Value& value);

}  // namespace nopos::registry
