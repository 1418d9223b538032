#include "nopos/registry/json.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace nopos::registry {

Json read_json(const std::filesystem::path& file, ExitCode code) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error(code, file.string() + ": cannot be opened: " + std::strerror(errno) + ".");
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) throw Error(code, file.string() + ": cannot be read.");
  try {
    return parse_json(text);
  } catch (const JsonError& error) {
    throw Error(code, error.in(file.string()));
  }
}

}  // namespace nopos::registry
