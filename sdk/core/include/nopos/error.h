#pragma once
/// What every error that a user can cause carries: a sentence for the user and the exit code of the process.
///
/// The sentence says what went wrong, where, both sides (what was found, what was expected) and how to mend
/// it. Programmer errors are assertions, not `Error`s.

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nopos {

enum class ExitCode : int {
  ok = 0,
  usage = 2,          ///< the command line cannot be read
  configuration = 3,  ///< it can be read, but its values do not fit
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

/// The names of `known` nearest to `name` by edit distance, best first, at most three, none that is far off.
std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& known);

/// `, did you mean 'alibi'?` or an empty string where nothing is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& known);

}  // namespace nopos
