#include "saved_model.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "encodings.h"
#include "nopos/error.h"
#include "nopos/registry/json.h"
#include "values.h"

namespace nopos::host {
namespace {

// Settings of the reference's model that are no options of the architecture here: other options cover them.
const std::set<std::string, std::less<>> covered_elsewhere = {"_name",
                                                              "arch",
                                                              "no_token_positional_embeddings",
                                                              "decoder_learned_pos",
                                                              "alibi",
                                                              "tpu",
                                                              "add_bos_token",
                                                              "tokens_per_sample",
                                                              "max_target_positions"};

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

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

std::optional<std::int64_t> number(const Value& value) {
  const auto* whole = std::get_if<std::int64_t>(&value);
  return whole == nullptr ? std::nullopt : std::optional(*whole);
}

/// Whether the reference's loader would leave out the final layer norm: files older than its version 3.
bool before_final_norm(const CheckpointFile& file) {
  const PickleNode* version = file.root().at("model", file.name()).get("decoder.version");
  if (version == nullptr) return true;
  const PickledTensor tensor = file.describe(*version, "decoder.version");
  const std::string_view bytes = file.bytes(tensor);
  float first = 3;
  if (tensor.storage_type == "FloatStorage" && bytes.size() >= sizeof(first)) {
    std::memcpy(&first, bytes.data(), sizeof(first));
  }
  return first <= 2;
}

const registry::ComponentManifest& architecture(const CheckpointFile& file,
                                                const registry::Catalogue& catalogue,
                                                const std::string& name) {
  try {
    return *catalogue.resolve("architecture", name).component;
  } catch (const Error& error) {
    throw Error(
        error.code(),
        file.name() + " holds a model of another architecture than the plugins offer: " + error.what());
  }
}

/// Options of the reference's model. A setting that is no option must be off: it would change the model.
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
                      "', which the architecture here does not have. A plugin that has it could load it.");
    }
  }
}

SavedModel reference_model(const CheckpointFile& file, const registry::Catalogue& catalogue,
                           Settings& overrides) {
  const PickleNode* cfg = attributes_of(file.root().get("cfg"));
  const PickleNode* model = attributes_of(cfg != nullptr ? cfg->get("model") : file.root().get("args"));
  if (model == nullptr) {
    throw Error(ExitCode::data, file.name() +
                                    " does not say which model it holds: it has neither settings of the "
                                    "model in 'cfg' nor 'args'.");
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
  saved.tokens_per_sample = number(setting(*model, "tokens_per_sample", overrides));
  saved.max_target_positions = number(setting(*model, "max_target_positions", overrides));
  return saved;
}

/// Options as our files keep them: pairs of value and source.
Settings own_options(const PickleNode& component, Settings& overrides) {
  Settings values;
  const PickleNode& options = component.at("options", "a component");
  for (std::size_t i = 0; options.is_mapping() && i < options.items.size(); i += 2) {
    const std::string& name = options.items[i]->as_text("an option's name");
    const auto& pair = options.items[i + 1]->as_sequence(name);
    std::string underscored = name;
    std::replace(underscored.begin(), underscored.end(), '-', '_');
    if (auto given = overrides.extract(underscored)) {
      values[name] = std::move(given.mapped());
    } else if (!pair.empty()) {
      values[name] = plain_value(*pair[0], name);
    }
  }
  return values;
}

ConfiguredComponent own_component(const PickleNode& component, Settings& overrides) {
  return {component.at("plugin", "a component").as_text("plugin of a component") + ":" +
              component.at("kind", "a component").as_text("kind of a component") + "/" +
              component.at("name", "a component").as_text("name of a component"),
          own_options(component, overrides)};
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
    std::string list;
    for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
    std::string searched;
    for (const auto& directory : catalogue.directories()) searched += "\n  " + directory.path.string();
    throw Error(error.code(), file.name() + " holds a model with " + text("kind") + "/" + text("name") +
                                  " of the plugin " + text("plugin") + " " + text("version") +
                                  ", which is not found. Install it, or name its folder with --plugin-path."
                                  "\nknown: " +
                                  (list.empty() ? "none of this kind" : list) + "\nsearched:" + searched);
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
        return value == task.end() ? std::nullopt : number(value->second);
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
  if (!saved.settings.components.contains("architecture")) {
    throw Error(ExitCode::data, file.name() + " does not name its architecture: it is damaged.");
  }
  return saved;
}

/// Overrides that change something else than the model are accepted, as the reference does, without effect.
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
                             : "which is no setting of " + file.name() + ". Leave it out."));
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
  return saved;
}

ConfigFile saved_recipe(const CheckpointFile& file) {
  if (file.own() == nullptr) {
    throw Error(ExitCode::configuration,
                file.name() +
                    " is a checkpoint of the reference: give the flags of its training, --arch first, or "
                    "evaluate it with nopos-host eval-lm.");
  }
  ConfigFile recipe;
  recipe.path = file.name();
  recipe.label = "checkpoint";
  Settings no_overrides;
  for (const PickleNode* component : file.own()->at("components", "'nopos'").as_sequence("components")) {
    recipe.components[component->at("kind", "a component").as_text("kind of a component")] =
        own_component(*component, no_overrides);
  }
  for (const PickleNode* encoding :
       file.own()->at("positional_encoding", "'nopos'").as_sequence("positional_encoding")) {
    recipe.encodings.push_back(own_component(*encoding, no_overrides));
  }
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

Settings parse_overrides(const std::string& text, const std::string& flag) {
  std::string json;  // the same as JSON: double quotes, and other words for the constants
  const std::pair<std::string_view, std::string_view> constants[] = {
      {"True", "true"}, {"False", "false"}, {"None", "null"}};
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
        json += '"';
      } else {
        json += c == '"' ? "\\\"" : std::string(1, c);
      }
      continue;
    }
    if (c == '\'' || c == '"') {
      quote = c;
      json += '"';
      continue;
    }
    const auto constant = std::find_if(std::begin(constants), std::end(constants), [&](const auto& pair) {
      return std::string_view(text).substr(i).starts_with(pair.first);
    });
    if (constant != std::end(constants)) {
      json += constant->second;
      i += constant->first.size() - 1;
    } else {
      json += c;
    }
  }
  try {
    Settings settings;
    const registry::Json object = registry::Json::parse(json);
    if (!object.is_object()) throw std::invalid_argument("not a dict");
    for (const auto& [name, value] : object.items()) settings[name] = registry::value_from_json(value);
    return settings;
  } catch (const std::exception&) {
    throw Error(ExitCode::usage, "--" + flag + " is '" + text +
                                     "', but must be a dict of settings as Python writes it, such as "
                                     "\"{'max_target_positions': 64}\"");
  }
}

}  // namespace nopos::host
