#include "saved_model.h"

#include <algorithm>
#include <set>
#include <utility>

#include "checkpoint_fields.h"
#include "encoding_record.h"
#include "encodings.h"
#include "model_sizes.h"
#include "nopos/error.h"
#include "nopos/strings.h"
#include "python_dict.h"
#include "values.h"

namespace nopos::host {
namespace {

// Settings of fairseq's model that are no options of the architecture here: other options cover them.
const std::set<std::string, std::less<>> covered_elsewhere = {"_name",
                                                              "arch",
                                                              "no_token_positional_embeddings",
                                                              "decoder_learned_pos",
                                                              "alibi",
                                                              "tpu",
                                                              "add_bos_token",
                                                              "tokens_per_sample",
                                                              "max_target_positions"};

/// A setting with its override, which is then used up.
Value setting(const PickleNode& model, const std::string& name, Settings& overrides) {
  if (auto given = overrides.extract(name)) return given.mapped();
  const PickleNode* node = model.get(name);
  return node == nullptr ? Value() : plain_value(*node, name);
}

bool flag(const PickleNode& model, const std::string& name, Settings& overrides) {
  const Value value = setting(model, name, overrides);
  const auto* set = std::get_if<bool>(&value);
  return set != nullptr && *set;
}

/// A number of positions, which the file's own was checked to be: an override may be anything.
std::optional<std::int64_t> positions(const std::string& name, const Value& value) {
  if (std::holds_alternative<NotGiven>(value)) return std::nullopt;
  const auto* whole = std::get_if<std::int64_t>(&value);
  if (whole != nullptr && *whole >= 1 && *whole <= max_positions_in_file) return *whole;
  throw Error(ExitCode::configuration, "--model-overrides: '" + underscored(name) + "' is " + to_text(value) +
                                           ", but must be an integer between 1 and " +
                                           std::to_string(max_positions_in_file) + ".");
}

/// Whether fairseq's loader would leave out the final layer norm: files older than its version 3.
bool before_final_norm(const CheckpointFile& file) {
  const PickleNode* version = file.root().at("model", file.name()).get("decoder.version");
  if (version == nullptr) return true;
  return file.first_number(*version, "decoder.version") <= 2;
}

const registry::ComponentManifest& architecture(const CheckpointFile& file,
                                                const registry::Catalogue& catalogue,
                                                const std::string& name) {
  try {
    return *catalogue.resolve("architecture", name).component;
  } catch (const Error& error) {
    throw Error(error.code(),
                file.name() + " has a model of an architecture that no plugin offers: " + error.what());
  }
}

/// Options of fairseq's model. A setting that is no option must be off: it would change the model.
void read_options_of(const CheckpointFile& file, const PickleNode& model, bool only_model,
                     const std::vector<OptionInfo>& known, Settings& overrides, Settings& values) {
  for (std::size_t i = 0; i < model.items.size(); i += 2) {
    const std::string& name = model.items[i]->as_text("a setting of the model in " + file.name());
    const bool is_option = std::any_of(known.begin(), known.end(),
                                       [&](const OptionInfo& option) { return option.name == dashed(name); });
    if (is_option) {
      values[dashed(name)] = setting(model, name, overrides);
      continue;
    }
    const PickleNode& value = *model.items[i + 1];
    const bool off =
        value.is(PickleNode::Type::none) ||
        ((value.is(PickleNode::Type::boolean) || value.is(PickleNode::Type::integer)) && value.integer == 0);
    if (only_model && !off && !covered_elsewhere.contains(name)) {
      throw Error(ExitCode::configuration,
                  file.name() + " holds a model with '" + name +
                      "', which this architecture does not have. A plugin that has it could load it.");
    }
  }
}

SavedModel reference_model(const CheckpointFile& file, const registry::Catalogue& catalogue,
                           Settings& overrides) {
  const PickleNode* cfg = attributes_of(file.root().get("cfg"));
  const PickleNode* model = attributes_of(cfg != nullptr ? cfg->get("model") : file.root().get("args"));
  if (model == nullptr) {
    throw Error(ExitCode::data,
                file.name() + " does not say which model it has: it has neither 'cfg' nor 'args'.");
  }
  const PickleNode* name = model->get("_name") != nullptr ? model->get("_name") : model->get("arch");
  if (name == nullptr) throw Error(ExitCode::data, file.name() + " does not name its architecture.");
  const registry::ComponentManifest& component =
      architecture(file, catalogue, name->as_text("the architecture's name in " + file.name()));

  SavedModel saved;
  saved.settings.path = file.name();
  saved.settings.label = "checkpoint";
  ConfiguredComponent& chosen = saved.settings.components["architecture"];
  chosen.name = component.name;
  read_options_of(file, *model, cfg != nullptr, component.options, overrides, chosen.values);
  if (before_final_norm(file)) chosen.values["no-decoder-final-norm"] = true;
  const bool none = flag(*model, "no_token_positional_embeddings", overrides),
             learned = flag(*model, "decoder_learned_pos", overrides),
             alibi = flag(*model, "alibi", overrides);
  for (std::string& encoding : reference_encodings(none, learned, alibi)) {
    saved.settings.encodings.push_back({std::move(encoding)});
  }
  saved.tokens_per_sample = positions("tokens_per_sample", setting(*model, "tokens_per_sample", overrides));
  saved.max_target_positions =
      positions("max_target_positions", setting(*model, "max_target_positions", overrides));
  return saved;
}

/// Options as our files keep them: pairs of value and source.
Settings own_options(const PickleNode& component, Settings& overrides) {
  Settings values;
  const PickleNode& options = component.at("options", "a component");
  for (std::size_t i = 0; options.is_mapping() && i < options.items.size(); i += 2) {
    const std::string& name = options.items[i]->as_text("an option's name");
    const auto& pair = options.items[i + 1]->as_sequence(name);
    if (auto given = overrides.extract(underscored(name))) {
      values[name] = std::move(given.mapped());
    } else if (!pair.empty()) {
      values[name] = plain_value(*pair[0], name);
    }
  }
  return values;
}

std::string label_of(const PickleNode& component) {
  const PickleNode* const label = component.get("label");
  return label == nullptr ? "" : label->as_text("label of an encoding");
}

ConfiguredComponent own_component(const PickleNode& component, Settings& overrides) {
  return {component.at("plugin", "a component").as_text("plugin of a component") + ":" +
              component.at("kind", "a component").as_text("kind of a component") + "/" +
              component.at("name", "a component").as_text("name of a component"),
          own_options(component, overrides),
          {},
          label_of(component)};
}

void require_plugin(const CheckpointFile& file, const registry::Catalogue& catalogue,
                    const PickleNode& component) {
  Settings no_overrides;
  const std::string wanted = own_component(component, no_overrides).name;
  const auto text = [&](const char* name) { return component.at(name, "a component").as_text(name); };
  try {
    catalogue.resolve(text("kind"), wanted);
  } catch (const Error& error) {
    if (error.code() != ExitCode::plugin_missing) throw;
    const auto known = catalogue.names(text("kind"));
    std::string searched;
    for (const auto& directory : catalogue.directories()) searched += "\n  " + directory.path.string();
    throw Error(error.code(), file.name() + " holds a model with " + text("kind") + "/" + text("name") +
                                  " of the plugin " + text("plugin") + " " + text("version") +
                                  ", which was not found. Install it, or give its folder by --plugin-path."
                                  "\nknown: " +
                                  (known.empty() ? "none of this kind" : join(known)) +
                                  "\nsearched:" + searched);
  }
}

SavedModel own_model(const CheckpointFile& file, const registry::Catalogue& catalogue, Settings& overrides) {
  require_plugins_of_model(file, catalogue);
  SavedModel saved;
  saved.settings.path = file.name();
  saved.settings.label = "checkpoint";
  for (const PickleNode* component : file.own()->at("components", "'nopos'").as_sequence("components")) {
    const std::string& kind = component->at("kind", "a component").as_text("kind of a component");
    if (kind == "architecture") {
      ConfiguredComponent chosen = own_component(*component, overrides);
      saved.settings.components[kind] = std::move(chosen);
    } else if (kind == "task") {
      const Settings task = own_options(*component, overrides);
      const auto found = [&](const char* name) {
        const auto value = task.find(name);
        return value == task.end() ? std::nullopt : positions(name, value->second);
      };
      const auto bos = task.find("add-bos-token");
      saved.tokens_per_sample = found("tokens-per-sample");
      saved.max_target_positions = found("max-target-positions");
      if (!saved.max_target_positions) saved.max_target_positions = saved.tokens_per_sample;
      if (saved.max_target_positions && bos != task.end() && bos->second == Value(true)) {
        ++*saved.max_target_positions;
      }
    }
  }
  for (const PickleNode* encoding :
       file.own()->at("positional_encoding", "'nopos'").as_sequence("positional_encoding")) {
    saved.settings.encodings.push_back(own_component(*encoding, overrides));
  }
  saved.settings.encoding_plan = recorded_plan(*file.own(), file.name());
  if (!saved.settings.components.contains("architecture")) {
    throw Error(ExitCode::data, file.name() + " does not name its architecture: it is damaged.");
  }
  return saved;
}

/// Overrides that change something else than the model are accepted, as fairseq does, without effect.
void refuse_unknown_overrides(const CheckpointFile& file, const Settings& left) {
  static const std::set<std::string, std::less<>> positions = {"no_token_positional_embeddings",
                                                               "decoder_learned_pos", "alibi"};
  const PickleNode* cfg = attributes_of(file.root().get("cfg"));
  for (const auto& [name, value] : left) {
    bool known = false;
    if (cfg != nullptr && cfg->is_mapping()) {
      for (std::size_t i = 1; i < cfg->items.size(); i += 2) {
        const PickleNode* section = attributes_of(cfg->items[i]);
        known = known || (section != nullptr && section->get(name) != nullptr);
      }
    }
    const PickleNode* args = attributes_of(file.root().get("args"));
    known = known || (args != nullptr && args->get(name) != nullptr);
    if (!known || positions.contains(name)) {
      throw Error(ExitCode::configuration,
                  "--model-overrides names '" + name + "', " +
                      (known ? "but the positional encoding of " + file.name() + " cannot be changed."
                             : "which is not a setting of " + file.name() + ". Leave it out."));
    }
  }
}

}  // namespace

void require_plugins_of_model(const CheckpointFile& file, const registry::Catalogue& catalogue) {
  if (file.own() == nullptr) return;
  for (const PickleNode* component : file.own()->at("components", "'nopos'").as_sequence("components")) {
    if (component->at("kind", "a component").as_text("kind of a component") == "architecture")
      require_plugin(file, catalogue, *component);
  }
  for (const PickleNode* encoding :
       file.own()->at("positional_encoding", "'nopos'").as_sequence("positional_encoding")) {
    require_plugin(file, catalogue, *encoding);
  }
}

SavedModel read_saved_model(const CheckpointFile& file, const registry::Catalogue& catalogue,
                            Settings overrides) {
  SavedModel saved = file.own() != nullptr ? own_model(file, catalogue, overrides)
                                           : reference_model(file, catalogue, overrides);
  refuse_unknown_overrides(file, overrides);
  expect_sizes_of_tensors(file, saved.settings.components.at("architecture"), saved.max_target_positions);
  return saved;
}

ConfigFile saved_recipe(const CheckpointFile& file) {
  if (file.own() == nullptr) {
    throw Error(ExitCode::configuration, file.name() +
                                             " is a fairseq checkpoint: give the flags of its training, "
                                             "--arch first, or evaluate it with nopos-host eval-lm.");
  }
  ConfigFile recipe;
  recipe.path = file.name();
  recipe.label = "checkpoint";
  Settings no_overrides;
  for (const PickleNode* component : file.own()->at("components", "'nopos'").as_sequence("components")) {
    const std::string& kind = component->at("kind", "a component").as_text("kind of a component");
    recipe.components[kind] = own_component(*component, no_overrides);
    if (kind == "architecture") expect_sizes_of_tensors(file, recipe.components[kind]);
  }
  for (const PickleNode* encoding :
       file.own()->at("positional_encoding", "'nopos'").as_sequence("positional_encoding")) {
    recipe.encodings.push_back(own_component(*encoding, no_overrides));
  }
  recipe.encoding_plan = recorded_plan(*file.own(), file.name());
  const PickleNode& groups = file.own()->at("options", "'nopos'");
  for (const char* name : {"common", "dataset", "optimization", "checkpoint"}) {
    const PickleNode* group = groups.get(name);
    for (std::size_t i = 0; group != nullptr && group->is_mapping() && i < group->items.size(); i += 2) {
      const std::string& option = group->items[i]->as_text("an option's name");
      const auto& pair = group->items[i + 1]->as_sequence(option);
      const bool wanted =
          name != std::string("checkpoint") || option.find("best-checkpoint-metric") != option.npos;
      const bool given =
          pair.size() == 2 && !pair[1]->as_text("the source of " + option).starts_with("default");
      const bool writes = option == "log-file" || option == "tensorboard-logdir" || option == "wandb-project";
      if (wanted && given && !writes) recipe.training[option] = plain_value(*pair[0], option);
    }
  }
  return recipe;
}

std::string recorded_data(const CheckpointFile& file) {
  const auto text = [](const PickleNode* node) {
    return node != nullptr && node->is(PickleNode::Type::text) ? node->text : std::string();
  };
  if (file.own() == nullptr) {
    const PickleNode* const cfg = attributes_of(file.root().get("cfg"));
    const PickleNode* const task = attributes_of(cfg != nullptr ? cfg->get("task") : file.root().get("args"));
    return task == nullptr ? "" : text(task->get("data"));
  }
  for (const PickleNode* component : file.own()->at("components", "'nopos'").as_sequence("components")) {
    if (text(component->get("kind")) != "task") continue;
    const PickleNode* const options = component->get("options");
    const PickleNode* const data = options == nullptr ? nullptr : options->get("data");
    return data == nullptr || data->items.empty() ? "" : text(data->items[0]);
  }
  return {};
}

Settings parse_overrides(const std::string& text, const std::string& flag) {
  if (auto settings = parse_python_dict(text)) return std::move(*settings);
  throw Error(ExitCode::usage,
              "--" + flag + " is '" + text +
                  "', but must be a Python dict of settings, such as \"{'max_target_positions': 64}\"");
}

}  // namespace nopos::host
