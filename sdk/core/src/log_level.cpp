#include "nopos/log_level.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>
#include <utility>

#include "nopos/error.h"

namespace nopos {
namespace {

constexpr int nothing = 2;  ///< above every level of ours

constexpr std::pair<std::string_view, int> levels[]{
    {"NOTSET", 0},  {"DEBUG", 0},       {"INFO", 0},           {"WARN", 1},
    {"WARNING", 1}, {"ERROR", nothing}, {"CRITICAL", nothing}, {"FATAL", nothing}};

int lowest() {
  const char* given = std::getenv("LOGLEVEL");
  if (given == nullptr || *given == '\0') return 0;
  std::string name(given);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  for (const auto& [level, number] : levels) {
    if (level == name) return number;
  }
  throw Error(ExitCode::configuration,
              "the environment variable LOGLEVEL is '" + std::string(given) +
                  "', but must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, or unset");
}

}  // namespace

bool log_passes(LogLevel level) {
  static const int least = lowest();
  return static_cast<int>(level) >= least;
}

}  // namespace nopos
