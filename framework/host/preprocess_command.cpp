#include "commands.h"
#include "help.h"
#include "nopos/log.h"
#include "preprocess.h"
#include "resolution.h"

namespace nopos::host {

int run_preprocess(const Words& words) {
  const auto described = describe_options<PreprocessOptions>();
  if (wants_help(words)) {
    print_command_help(command("preprocess"), described);
    return 0;
  }
  const Settings settings = parse_settings(words, described, "preprocess");
  std::vector<const OptionInfo*> idle;
  for (const OptionInfo& option : described) {
    const auto given = settings.find(option.name);
    if (option.effect == Effect::no_effect && given != settings.end() &&
        given->second != option.default_value)
      idle.push_back(&option);
  }
  for (const std::string& notice : effect_notices(idle)) log_info("nopos.preprocess", notice);
  nopos::run_preprocess(read_options<PreprocessOptions>(settings, PreprocessOptions::group));
  return 0;
}

}  // namespace nopos::host
