#include "differences.h"

#include <algorithm>

#include "encoding_record.h"
#include "nopos/error.h"
#include "values.h"

namespace nopos::engine {
namespace {

/// A saved option, which stands beside its source, as the user would write it.
std::string saved_text(const PickleNode& option, const std::string& name) {
  const auto& pair = option.as_sequence(name);
  return pair.empty() ? "" : to_text(plain_value(*pair[0], name));
}

// Where a run reads and writes, and how long it goes on, differ between the parts of one training.
constexpr std::string_view expected_to_differ[] = {
    "save-dir",         "restore-file", "continue-once",   "finetune-from-model",
    "reset-dataloader", "reset-meters", "reset-optimizer", "reset-lr-scheduler",
    "max-update",       "max-epoch",    "stop-time-hours", "log-interval",
    "log-format",       "log-file",     "no-progress-bar", "no-save"};

void compare(const PickleNode* saved, const ResolvedOptions& mine, const std::string& owner,
             std::vector<std::string>& lines) {
  if (saved == nullptr) return;
  for (const auto& [name, value] : mine.values) {
    if (std::find(std::begin(expected_to_differ), std::end(expected_to_differ), name) !=
        std::end(expected_to_differ)) {
      continue;
    }
    const PickleNode* option = saved->get(name);
    const std::string now = to_text(value),
                      before = option == nullptr ? "not known" : saved_text(*option, name);
    if (now != before) lines.push_back(owner + "--" + name + ": checkpoint " + before + ", this run " + now);
  }
}

struct SavedComponent {
  std::string kind, name, plugin;
  const PickleNode* options;
};

SavedComponent saved_component(const PickleNode& node) {
  return {node.at("kind", "a component").as_text("kind of a component"),
          node.at("name", "a component").as_text("name of a component"),
          node.at("plugin", "a component").as_text("plugin of a component"),
          &node.at("options", "a component")};
}

std::vector<SavedComponent> saved_components(const PickleNode& own, std::string_view key) {
  std::vector<SavedComponent> components;
  for (const PickleNode* node : own.at(key, "'nopos'").as_sequence(key)) {
    components.push_back(saved_component(*node));
  }
  return components;
}

[[noreturn]] void refuse(const std::string& file, const std::string& what, const std::string& before,
                         const std::string& now, const std::string& mend) {
  throw Error(ExitCode::configuration, file + " was trained with " + what + " " + before + ", this run has " +
                                           now + ": it cannot be continued this way. " + mend);
}

}  // namespace

void check_components(const PickleNode& own, const std::string& file, const RunConfig& config,
                      const LoadOptions& options) {
  const std::vector<SavedComponent> encodings = saved_components(own, "positional_encoding");
  const std::vector<WrittenEncoding> now = config.encodings();
  const std::vector<ChosenComponent>& mine_now = config.components_of(PositionalEncoding::kind);
  const std::string mend =
      "Give the settings that it was trained with, or another --save-dir for a new model.";
  if (recorded_encodings(own, file) != now || recorded_plan(own, file) != config.encoding_plan) {
    refuse(file, "--positional-encoding", recorded_encoding_text(own, file), config.encoding_text(), mend);
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
  for (const SavedComponent& component : saved_components(own, "components")) {
    if (component.kind != Criterion::kind && component.kind != Optimizer::kind) continue;
    const ChosenComponent& mine = config.component(component.kind);
    if (mine.name != component.name || mine.plugin_id != component.plugin) {
      refuse(file, "--" + mine.kind, component.name, mine.name,
             "Give that one, or --reset-optimizer to continue from its weights only.");
    }
  }
}

std::vector<std::string> setting_differences(const PickleNode& own, const std::string& file,
                                             const RunConfig& config) {
  std::vector<std::string> lines;
  const PickleNode& groups = own.at("options", "'nopos'");
  for (const auto& [name, options] : config.groups) compare(groups.get(name), options, "", lines);
  for (const SavedComponent& component : saved_components(own, "components")) {
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
    lines.insert(lines.begin(), "settings differ from those of " + file + "; those of this run are used:");
  }
  return lines;
}

}  // namespace nopos::engine
