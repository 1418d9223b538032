#include "differences.h"

#include <algorithm>

#include "encoding_record.h"
#include "nopos/error.h"
#include "own_record.h"

namespace nopos::engine {
namespace {

// Where a run reads and writes, and how long it goes on, differ between the parts of one training.
constexpr std::string_view expected_to_differ[] = {
    "save-dir",         "restore-file", "continue-once",   "finetune-from-model",
    "reset-dataloader", "reset-meters", "reset-optimizer", "reset-lr-scheduler",
    "max-update",       "max-epoch",    "stop-time-hours", "log-interval",
    "log-format",       "log-file",     "no-progress-bar", "no-save"};

void compare(const RecordedOptions& saved, const ResolvedOptions& mine, const std::string& owner,
             std::vector<std::string>& lines) {
  for (const auto& [name, value] : mine.values) {
    if (std::find(std::begin(expected_to_differ), std::end(expected_to_differ), name) !=
        std::end(expected_to_differ)) {
      continue;
    }
    const Value* option = find(saved, name);
    const std::string now = to_text(value), before = option == nullptr ? "not known" : to_text(*option);
    if (now != before) lines.push_back(owner + "--" + name + ": checkpoint " + before + ", this run " + now);
  }
}

[[noreturn]] void refuse(const std::string& file, const std::string& what, const std::string& before,
                         const std::string& now, const std::string& mend) {
  throw Error(ExitCode::configuration, file + " was trained with " + what + " " + before + ", this run has " +
                                           now + ": it cannot be continued this way. " + mend);
}

}  // namespace

void check_components(const CheckpointFile& source, const RunConfig& config, const LoadOptions& options) {
  const std::string& file = source.name();
  const std::vector<RecordedComponent> encodings = recorded_components(source, PositionalEncoding::kind);
  const std::vector<WrittenEncoding> now = config.encodings();
  const std::vector<ChosenComponent>& mine_now = config.components_of(PositionalEncoding::kind);
  const std::string mend =
      "Give the settings that it was trained with, or another --save-dir for a new model.";
  if (recorded_encodings(source) != now || recorded_plan(source) != config.encoding_plan) {
    refuse(file, "--positional-encoding", recorded_encoding_text(source), config.encoding_text(), mend);
  }
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    std::vector<std::string> lines;
    compare(encodings[i].options, mine_now[i].options, "", lines);
    if (!lines.empty()) {
      throw Error(ExitCode::configuration,
                  file + " cannot be continued with another positional encoding than that of its training; " +
                      to_text(EncodingPlan(), {now[i]}) + " " + lines[0] + ". " + mend);
    }
  }
  if (options.reset_optimizer) return;
  for (const RecordedComponent& component : recorded_components(source)) {
    if (component.kind != Criterion::kind && component.kind != Optimizer::kind) continue;
    const ChosenComponent& mine = config.component(component.kind);
    if (mine.name != component.name || mine.plugin_id != component.plugin) {
      refuse(file, "--" + mine.kind, component.name, mine.name,
             "Give that one, or --reset-optimizer to continue from its weights only.");
    }
  }
}

std::vector<std::string> setting_differences(const CheckpointFile& source, const RunConfig& config) {
  std::vector<std::string> lines;
  for (const auto& [name, options] : config.groups) {
    const RecordedOptions before = recorded_group(source, name);
    if (!before.empty()) compare(before, options, "", lines);
  }
  for (const RecordedComponent& component : recorded_components(source)) {
    for (const ChosenComponent* mine : config.single_components()) {
      if (mine->kind != component.kind) continue;
      if (mine->name != component.name) {
        lines.push_back("--" + mine->kind + ": checkpoint " + component.name + ", this run " + mine->name);
      } else {
        compare(component.options, mine->options, mine->kind + " ", lines);
      }
    }
  }
  if (!lines.empty()) {
    lines.insert(lines.begin(),
                 "settings differ from those of " + source.name() + "; those of this run are used:");
  }
  return lines;
}

}  // namespace nopos::engine
