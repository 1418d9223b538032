#include "commands.h"
#include "engine_library.h"
#include "help.h"
#include "optimizer_overrides.h"
#include "run_setup.h"

namespace nopos::host {
namespace {

void print_train_help(const Words& words) {
  print_usage(command("train"));
  const RunSetup setup = set_up_run(words, true);
  for (const Owner& owner : setup.owners) {
    auto options = owner.options;  // a preset's value is the default that this command line would get
    for (OptionInfo& option : options) {
      if (owner.resolved.sources.at(option.name).find("preset") != std::string::npos)
        option.default_value = owner.resolved.values.at(option.name);
    }
    print_options(heading(owner), options);
  }
  for (const std::string& kind : setup.not_chosen) {
    std::string text;
    for (const std::string& name : setup.catalogue.names(kind)) text += (text.empty() ? "" : ", ") + name;
    print_note(text.empty() ? "no plugin offers one" : "its options appear once one is chosen: " + text,
               kind);
  }
}

}  // namespace

int run_train(const Words& words) {
  if (wants_help(words)) {
    print_train_help(words);
    return 0;
  }
  const RunSetup setup = set_up_run(words, false);
  RunConfig config = host::run_config(setup, words);
  config.optimizer_overrides = optimizer_overrides(setup, config);
  return train_with_engine(config);
}

}  // namespace nopos::host
