#pragma once
/// JSON output of the commands.

#include "nopos/options.h"
#include "nopos/registry/json.h"

namespace nopos::host {

using registry::Json;
using registry::to_json;

/// Writes the object `json` to standard output, with "schema": 1 in front.
void print_json(const Json& json);

}  // namespace nopos::host
