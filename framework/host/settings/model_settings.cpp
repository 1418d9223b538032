#include "model_settings.h"

#include <algorithm>

#include "encoding_record.h"
#include "nopos/error.h"
#include "saved_model.h"

namespace nopos::host {

ModelSettings::ModelSettings(const CheckpointFile& file, const registry::Catalogue& catalogue)
    : file_(file.name()) {
  const SavedModel saved = read_saved_model(file, catalogue, {});
  const ConfiguredComponent& chosen = saved.settings.components.at("architecture");
  const registry::ComponentManifest& component = *catalogue.resolve("architecture", chosen.name).component;
  architecture = component.name;
  for (const OptionInfo& option : component.options) values_[option.name] = option.default_value;
  for (const auto& [name, value] : chosen.values) values_[name] = value;
  for (const ConfiguredComponent& encoding : saved.settings.encodings) {
    encodings.push_back(catalogue.resolve("positional_encoding", encoding.name).component->name);
  }
  const auto labelled = [](const ConfiguredComponent& one) { return !one.label.empty(); };
  if (!saved.settings.encoding_plan.groups.empty() || std::ranges::any_of(saved.settings.encodings, labelled))
    layer_list = recorded_encoding_text(file);
  max_positions =
      saved.blocks.max_target_positions ? saved.blocks.max_target_positions : saved.blocks.tokens_per_sample;
}

template <class T>
T ModelSettings::get(const std::string& option) const {
  const auto found = values_.find(option);
  if (found != values_.end()) {
    if (const T* value = std::get_if<T>(&found->second)) return *value;
  }
  throw Error(ExitCode::data, file_ + " does not say " + option +
                                  " of its model in the form that this architecture expects.");
}

bool ModelSettings::flag(const std::string& option) const {
  const auto found = values_.find(option);
  if (found == values_.end() || std::holds_alternative<NotGiven>(found->second)) return false;
  if (const auto* whole = std::get_if<std::int64_t>(&found->second)) return *whole != 0;
  return get<bool>(option);
}

std::int64_t ModelSettings::whole(const std::string& option) const { return get<std::int64_t>(option); }

double ModelSettings::number(const std::string& option) const {
  const auto found = values_.find(option);
  if (found != values_.end()) {
    if (const auto* whole = std::get_if<std::int64_t>(&found->second)) return static_cast<double>(*whole);
  }
  return get<double>(option);
}

std::string ModelSettings::text(const std::string& option) const { return get<std::string>(option); }

bool ModelSettings::given(const std::string& option) const {
  const auto found = values_.find(option);
  return found != values_.end() && !std::holds_alternative<NotGiven>(found->second);
}

}  // namespace nopos::host
