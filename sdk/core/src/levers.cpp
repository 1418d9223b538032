#include "nopos/levers.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "nopos/error.h"
#include "nopos/strings.h"

namespace nopos {

bool enabled(Lever lever) {
  static const std::vector<std::string> names{"kept_memory",   "mkl_fast_path", "prefetch",
                                              "deferred_sums", "dropout_keys",  "bfloat16_instructions"};
  const char* variable = std::getenv("NOPOS_LEVERS_OFF");
  if (variable == nullptr) return true;
  bool on = true;
  for (const std::string& name : split_list(variable, ',')) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (name != "all" && found == names.end()) {
      throw Error(ExitCode::configuration, "The environment variable NOPOS_LEVERS_OFF names '" + name +
                                               "', but the levers are kept_memory, mkl_fast_path, prefetch, "
                                               "deferred_sums, dropout_keys, bfloat16_instructions and all" +
                                               did_you_mean(name, names));
    }
    if (name == "all" || found - names.begin() == static_cast<std::ptrdiff_t>(lever)) on = false;
  }
  return on;
}

}  // namespace nopos
