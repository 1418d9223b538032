#pragma once
/// The error type for everything a user can cause: a message for the user and the exit code of the process.
///
/// The message says what went wrong, where, what was found and what was expected, and how to fix it.
/// Bugs are not `Error`s (docs/developers.md).

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nopos {

enum class ExitCode : int {
  ok = 0,
  usage = 2,          ///< the command line cannot be parsed
  configuration = 3,  ///< it can be parsed, but its values are invalid
  plugin_missing = 4,
  plugin_incompatible = 5,
  runtime = 6,  ///< failed while running, a faulty plugin included
  stopped = 7,  ///< stopped by a signal, after saving
  data = 8,     ///< unusable data or checkpoint
};

class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// The names in `known` closest to `name` by edit distance: at most three, best first, none that is far off.
std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& known);

/// `, did you mean 'alibi'?` or an empty string if nothing is close.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& known);

}  // namespace nopos
