#include <memory>

#include "checkpoint_options.h"
#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/strings.h"
#include "process/engine_library.h"
#include "run_lock.h"
#include "settings/optimizer_overrides.h"
#include "settings/run_setup.h"

namespace nopos::host {
namespace {

void print_train_help(const Words& words) {
  print_usage(command("train"));
  const RunSetup setup = set_up_run(RunWords(words), true);
  for (const Owner& owner : setup.owners) {
    auto options = owner.options;  // a preset's value is the default that this command line would get
    for (OptionInfo& option : options) {
      if (owner.resolved.sources.at(option.name).find("preset") != std::string::npos)
        option.default_value = owner.resolved.values.at(option.name);
    }
    print_options(heading(owner), options);
  }
  for (const std::string& kind : setup.not_chosen) {
    const std::string text = join(setup.catalogue.names(kind));
    print_note(text.empty() ? "no plugin offers one" : "choose one to see its options: " + text, kind);
  }
}

/// While it trains, nobody else saves there.
std::unique_ptr<RunLock> lock_save_dir(const RunConfig& config) {
  const auto options = config.group<CheckpointOptions>();
  if (options.no_save) return nullptr;
  try {
    return std::make_unique<RunLock>(RunLock::on_folder(options.save_dir, "give another --save-dir"),
                                     "train");
  } catch (const Error& error) {
    if (error.code() != ExitCode::data) throw;
    throw Error(ExitCode::configuration, "checkpoints cannot be saved in --save-dir " + options.save_dir +
                                             ": " + error.what() +
                                             " Give a folder that can be written, or --no-save.");
  }
}

}  // namespace

int run_train(const Words& words) {
  if (wants_help(words)) {
    print_train_help(words);
    return 0;
  }
  const StopRequest& stop = catch_stop_signals();
  const RunSetup setup = set_up_run(RunWords(words), false);
  RunConfig config = host::run_config(setup, words);
  config.stop = &stop;
  config.optimizer_overrides = optimizer_overrides(setup, config);
  const std::unique_ptr<RunLock> lock = lock_save_dir(config);
  return train_with_engine(config);
}

}  // namespace nopos::host
