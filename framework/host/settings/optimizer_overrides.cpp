#include "optimizer_overrides.h"

#include <algorithm>

#include "checkpoint_options.h"
#include "nopos/error.h"
#include "nopos/strings.h"
#include "saved_model.h"

namespace nopos::host {

Settings optimizer_overrides(const RunSetup& setup, const RunConfig& config) {
  constexpr const char* flag = "optimizer-overrides";
  const Settings given = parse_overrides(config.group<CheckpointOptions>().optimizer_overrides, flag);
  const std::string& optimizer = config.component("optimizer").name;
  const auto owner = std::find_if(setup.owners.begin(), setup.owners.end(),
                                  [&](const Owner& one) { return one.label == "optimizer/" + optimizer; });
  Settings overrides;
  for (const auto& [name, value] : given) {
    if (name == "lr") continue;
    const std::string wanted = dashed(name);
    const auto option = std::find_if(
        owner->options.begin(), owner->options.end(),
        [&](const OptionInfo& one) { return one.name == wanted || one.name == optimizer + "-" + wanted; });
    if (option == owner->options.end()) {
      std::vector<std::string> known;
      for (const OptionInfo& one : owner->options) known.push_back(one.name);
      throw Error(ExitCode::configuration, std::string("--") + flag + " names '" + name + "', which " +
                                               owner->label + " does not have" + did_you_mean(wanted, known) +
                                               "; it has " + (known.empty() ? "none" : join(known)) + ".");
    }
    overrides[option->name] = checked_value(*option, value, owner->label + ", --" + flag);
  }
  return overrides;
}

}  // namespace nopos::host
