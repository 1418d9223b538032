#include "run_records.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "checkpoint_options.h"
#include "common_options.h"
#include "nopos/error.h"
#include "nopos/log.h"
#include "nopos/registry/json.h"
#include "nopos/strings.h"
#include "records/event_files.h"
#include "records/metrics_file.h"
#include "records/wandb_run.h"

namespace nopos::engine {
namespace {

using registry::Json;

Json json_of(const ResolvedOptions& options) {
  Json json = Json::object();
  for (const auto& [name, value] : options.values) json[name] = registry::to_json(value);
  return json;
}

/// Every option of the run, by group and by kind of component.
std::vector<std::pair<std::string, std::string>> settings_of(const RunConfig& config) {
  std::vector<std::pair<std::string, std::string>> settings;
  const auto text = [](const Json& json) { return json_text(json); };
  for (const auto& [name, options] : config.groups) settings.emplace_back(name, text(json_of(options)));
  const auto component = [](const ChosenComponent& chosen) {
    Json json{{"name", chosen.given_name}};
    json.update(json_of(chosen.options));
    return json;
  };
  for (const ChosenComponent* chosen : config.single_components()) {
    settings.emplace_back(chosen->kind, text(component(*chosen)));
  }
  for (const Kind& kind : kinds) {
    if (kind.per_run != PerRun::several) continue;
    Json list = Json::array();
    for (const ChosenComponent& chosen : config.components_of(kind.name)) {
      list.push_back(component(chosen));
      if (!chosen.label.empty()) list.back()["label"] = chosen.label;
    }
    settings.emplace_back(kind.name, text(list));
  }
  if (!config.encoding_plan.groups.empty())
    settings.emplace_back("positional_encoding_layers", text(config.encoding_text()));
  return settings;
}

/// A new one as the client chooses: WANDB_DIR, or here; and WANDB_NAME, or the save-dir's.
std::unique_ptr<WandbRun> new_wandb_run(const RunConfig& config, const std::string& project,
                                        const CheckpointOptions& checkpoint) {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  std::string name = variable("WANDB_NAME");
  if (name.empty()) {
    name = std::filesystem::absolute(checkpoint.save_dir).lexically_normal().filename().string();
  }
  auto run = std::make_unique<WandbRun>(std::filesystem::path(variable("WANDB_DIR")) / "wandb",
                                        WandbIdentity{project, name, settings_of(config)});
  if (!checkpoint.no_save) {
    note_wandb_run(checkpoint.save_dir, project, run->id(), run->file(), run->started());
  }
  return run;
}

/// The one that the training wrote so far, where it goes on; else a new one.
std::unique_ptr<WandbRun> wandb_run(const RunConfig& config, const std::string& project,
                                    const CheckpointOptions& checkpoint, std::int64_t num_updates) {
  std::optional<WandbPast> past;
  if (num_updates > 0 && !checkpoint.no_save) {
    past = take_up_wandb_run(checkpoint.save_dir, project, num_updates);
  }
  auto run = past ? std::make_unique<WandbRun>(*past) : new_wandb_run(config, project, checkpoint);
  log_info("nopos.train", std::string("--wandb-project: ") + (past ? "its run continues; " : "") +
                              "nothing is uploaded; `wandb sync " + run->file().parent_path().string() +
                              "` does that");
  return run;
}

}  // namespace

RunRecords::RunRecords(const RunConfig& config, std::int64_t num_updates) {
  const auto common = config.group<CommonOptions>();
  const auto checkpoint = config.group<CheckpointOptions>();
  if (!checkpoint.no_save) {
    writers_.push_back(std::make_unique<MetricsFile>(checkpoint.save_dir, num_updates));
  }
  if (common.tensorboard_logdir) {
    writers_.push_back(std::make_unique<EventFiles>(*common.tensorboard_logdir, num_updates,
                                                    "nopos-host train " + join(config.command, " ")));
  }
  if (common.wandb_project) {
    writers_.push_back(wandb_run(config, *common.wandb_project, checkpoint, num_updates));
  }
}

void RunRecords::add(const std::string& tag, std::int64_t epoch, std::int64_t num_updates,
                     const Readings& readings) {
  Record record{tag, epoch, num_updates, {}};
  for (const Reading& reading : readings) {
    if (reading.name != "num_updates") record.figures.emplace_back(reading.name, reading.value);
  }
  for (std::unique_ptr<RecordWriter>& writer : writers_) {
    try {
      writer->write(record);
    } catch (const Error& error) {
      log_warning("nopos.train", std::string(error.what()) + "; the run continues without this output");
      writer.reset();
    }
  }
  std::erase(writers_, nullptr);
}

}  // namespace nopos::engine
