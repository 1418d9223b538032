#include <algorithm>
#include <optional>

#include "checkpoint_file.h"
#include "checkpoint_options.h"
#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "process/engine_library.h"
#include "settings/run_setup.h"
#include "settings/saved_model.h"
#include "settings/search.h"

namespace nopos::host {
namespace {

/// What `validate` takes beyond the flags of `train`.
struct ValidationHostOptions {
  std::optional<std::string> path;
  bool json = false;

  NOPOS_OPTIONS(o) {
    o.add("path", &ValidationHostOptions::path,
          "checkpoint to validate; without it --restore-file, or checkpoint_last.pt in --save-dir. Unless "
          "--arch or --config is given, all other settings come from a NoPos checkpoint");
    o.add("json", &ValidationHostOptions::json, "write the results as JSON, and the log to standard error");
  }
};

/// Nothing is saved, and the checkpoint must be there: a fresh model has no loss worth a look.
void restore_only(ResolvedOptions& checkpoint, const std::optional<std::string>& path) {
  const CheckpointOptions options =
      read_options<CheckpointOptions>(checkpoint.values, CheckpointOptions::group);
  const bool named = options.restore_file != CheckpointOptions().restore_file;
  checkpoint.values["no-save"] = true;
  if (path || !named) checkpoint.values["checkpoint-suffix"] = std::string();  // the name is whole
  checkpoint.values["restore-file"] = path    ? *path
                                      : named ? options.restore_file
                                              : (std::filesystem::path(options.save_dir) /
                                                 ("checkpoint_last" + options.checkpoint_suffix + ".pt"))
                                                    .string();
}

/// A relative path in a checkpoint means the folder where training ran, which may be another one.
void check_recorded_data(const RunConfig& config, const std::string& checkpoint) {
  const Settings& task = config.component("task").options.values;
  const auto value = task.find("data");
  const auto* const data = value == task.end() ? nullptr : std::get_if<std::string>(&value->second);
  if (data == nullptr || *data != recorded_data(CheckpointFile(checkpoint))) return;
  const std::filesystem::path folder = data->substr(0, data->find(':'));
  if (folder.is_absolute() || std::filesystem::exists(folder)) return;
  throw Error(ExitCode::data, checkpoint + " records its data as '" + *data +
                                  "', relative to the folder where training ran, and there is no such folder "
                                  "here. Give it:\n  nopos-host validate DATA --path " +
                                  checkpoint);
}

}  // namespace

int run_validate(const Words& words) {
  if (wants_help(words)) {
    print_command_help(command("validate"), describe_options<ValidationHostOptions>());
    print_note("and the flags of train: see nopos-host train --help");
    return 0;
  }
  const StopRequest& stop = catch_stop_signals();
  const RunWords given(words, describe_options<ValidationHostOptions>(), "validate");
  const auto options = given.own_options<ValidationHostOptions>();
  const bool described = given.gives("arch") || given.gives("config");
  ConfigFile recipe;
  if (options.path && !described) {
    const CheckpointFile file(*options.path);
    require_plugins_of_model(file, scan_plugins(plugin_path(words)));
    recipe = saved_recipe(file);
  }
  RunConfig config = host::run_config(set_up_run(given, false, recipe), words);
  config.stop = &stop;
  if (options.path && !described) check_recorded_data(config, *options.path);
  restore_only(config.groups.at(CheckpointOptions::group), options.path);
  return validate_with_engine(config, options.json);
}

}  // namespace nopos::host
