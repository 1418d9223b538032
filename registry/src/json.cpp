#include "nopos/registry/json.h"

namespace nopos::registry {

Json read_json(const std::filesystem::path& file, ExitCode code, Source source) {
  const std::string text = read_small_file(file, most_json_bytes, source, code);
  try {
    return parse_json(text);
  } catch (const JsonError& error) {
    throw Error(code, error.in(file.string()));
  }
}

}  // namespace nopos::registry
