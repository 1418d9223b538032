#include "saved_model.h"

#include <utility>

#include "encoding_record.h"
#include "model_sizes.h"
#include "nopos/error.h"
#include "nopos/strings.h"
#include "own_record.h"
#include "python_dict.h"

namespace nopos::host {
namespace {

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

SavedModel reference_model(const CheckpointFile& file, const registry::Catalogue& catalogue,
                           Settings& overrides) {
  const FairseqSettings recorded(file);
  if (!recorded.known()) {
    throw Error(ExitCode::data,
                file.name() + " does not say which model it has: it has neither 'cfg' nor 'args'.");
  }
  const PickleNode* name = recorded.architecture();
  if (name == nullptr) throw Error(ExitCode::data, file.name() + " does not name its architecture.");
  const registry::ComponentManifest& component =
      architecture(file, catalogue, name->as_text("the architecture's name in " + file.name()));

  SavedModel saved;
  saved.settings.path = file.name();
  saved.settings.label = "checkpoint";
  ConfiguredComponent& chosen = saved.settings.components["architecture"];
  chosen.name = component.name;
  chosen.values = recorded.model_options(component.options, overrides);
  for (std::string& encoding : recorded.encodings(overrides)) {
    saved.settings.encodings.push_back({std::move(encoding)});
  }
  saved.blocks = recorded.blocks(overrides);
  return saved;
}

/// Options of one of our components, with their overrides, which are then used up.
Settings own_options(const RecordedComponent& component, Settings& overrides) {
  Settings values = values_of(component.options);
  for (auto& [name, value] : values) {
    if (auto given = overrides.extract(underscored(name))) value = std::move(given.mapped());
  }
  return values;
}

ConfiguredComponent own_component(const RecordedComponent& component, Settings& overrides) {
  return {component.full_name(), own_options(component, overrides), {}, component.label};
}

void require_plugin(const CheckpointFile& file, const registry::Catalogue& catalogue,
                    const RecordedComponent& component) {
  try {
    catalogue.resolve(component.kind, component.full_name());
  } catch (const Error& error) {
    if (error.code() != ExitCode::plugin_missing) throw;
    const auto known = catalogue.names(component.kind);
    std::string searched;
    for (const auto& directory : catalogue.directories()) searched += "\n  " + directory.path.string();
    throw Error(error.code(), file.name() + " holds a model with " + component.kind + "/" + component.name +
                                  " of the plugin " + component.plugin + " " + component.version +
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
  for (const RecordedComponent& component : recorded_components(file)) {
    if (component.kind == "architecture") {
      saved.settings.components[component.kind] = own_component(component, overrides);
    } else if (component.kind == "task") {
      saved.blocks = recorded_blocks(own_options(component, overrides));
    }
  }
  for (const RecordedComponent& encoding : recorded_components(file, "positional_encoding")) {
    saved.settings.encodings.push_back(own_component(encoding, overrides));
  }
  saved.settings.encoding_plan = recorded_plan(file);
  if (!saved.settings.components.contains("architecture")) {
    throw Error(ExitCode::data, file.name() + " does not name its architecture: it is damaged.");
  }
  return saved;
}

/// Overrides that change something else than the model are accepted, as fairseq does, without effect.
void refuse_unknown_overrides(const CheckpointFile& file, const Settings& left) {
  const FairseqSettings recorded(file);
  for (const auto& [name, value] : left) {
    const bool known = recorded.has(name);
    if (!known || is_position_flag(name)) {
      throw Error(ExitCode::configuration,
                  "--model-overrides names '" + name + "', " +
                      (known ? "but the positional encoding of " + file.name() + " cannot be changed."
                             : "which is not a setting of " + file.name() + ". Leave it out."));
    }
  }
}

}  // namespace

void require_plugins_of_model(const CheckpointFile& file, const registry::Catalogue& catalogue) {
  for (const RecordedComponent& component : recorded_components(file)) {
    if (component.kind == "architecture") require_plugin(file, catalogue, component);
  }
  for (const RecordedComponent& encoding : recorded_components(file, "positional_encoding")) {
    require_plugin(file, catalogue, encoding);
  }
}

SavedModel read_saved_model(const CheckpointFile& file, const registry::Catalogue& catalogue,
                            Settings overrides) {
  SavedModel saved = file.own() != nullptr ? own_model(file, catalogue, overrides)
                                           : reference_model(file, catalogue, overrides);
  refuse_unknown_overrides(file, overrides);
  expect_sizes_of_tensors(file, saved.settings.components.at("architecture"),
                          saved.blocks.max_target_positions);
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
  for (const RecordedComponent& component : recorded_components(file)) {
    ConfiguredComponent& configured = recipe.components[component.kind];
    configured = own_component(component, no_overrides);
    if (component.kind == "architecture") expect_sizes_of_tensors(file, configured);
  }
  for (const RecordedComponent& encoding : recorded_components(file, "positional_encoding")) {
    recipe.encodings.push_back(own_component(encoding, no_overrides));
  }
  recipe.encoding_plan = recorded_plan(file);
  for (const char* name : {"common", "dataset", "optimization", "checkpoint"}) {
    for (const auto& [option, recorded] : recorded_group(file, name)) {
      const bool wanted =
          name != std::string("checkpoint") || option.find("best-checkpoint-metric") != option.npos;
      const bool given = !recorded.source.empty() && !recorded.source.starts_with("default");
      const bool writes = option == "log-file" || option == "tensorboard-logdir" || option == "wandb-project";
      if (wanted && given && !writes) recipe.training[option] = recorded.value;
    }
  }
  return recipe;
}

Settings parse_overrides(const std::string& text, const std::string& flag) {
  if (auto settings = parse_python_dict(text)) return std::move(*settings);
  throw Error(ExitCode::usage,
              "--" + flag + " is '" + text +
                  "', but must be a Python dict of settings, such as \"{'max_target_positions': 64}\"");
}

}  // namespace nopos::host
