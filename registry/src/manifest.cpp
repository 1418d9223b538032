#include "nopos/registry/manifest.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "nopos/error.h"
#include "nopos/registry/json.h"

namespace nopos::registry {
namespace {

template <class T>
T optional_member(const Json& json, const char* key, T otherwise = {}) {
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? otherwise : found->get<T>();
}

OptionInfo read_option(const Json& json, const std::string& owner) {
  OptionInfo option;
  option.name = json.at("name").get<std::string>();
  option.type = option_type(json.at("type").get<std::string>());
  option.help = json.at("help").get<std::string>();
  option.optional = optional_member<bool>(json, "optional");
  option.choices = optional_member<std::vector<std::string>>(json, "choices");
  option.aliases = optional_member<std::vector<std::string>>(json, "aliases");
  option.positional = optional_member<bool>(json, "positional");
  for (const auto& [key, bound] : {std::pair("min", &option.min), std::pair("max", &option.max)}) {
    if (json.contains(key) && !json[key].is_null()) *bound = json[key].get<double>();
  }
  // Types are fitted (an empty list, a whole number), but a default need not lie in the range.
  OptionInfo typed = option;
  typed.min = typed.max = std::nullopt;
  typed.choices.clear();
  typed.default_value = std::vector<double>{};  // of any length
  option.default_value = checked_value(typed, value_from_json(json.at("default")), owner);
  for (const auto& [key, effect] :
       {std::pair("no_effect", Effect::no_effect), std::pair("refused", Effect::refused)}) {
    if (!json.contains(key)) continue;
    option.effect = effect;
    option.effect_reason = json[key].get<std::string>();
  }
  return option;
}

std::vector<std::pair<std::string, Value>> read_values(const Json& preset, const char* key,
                                                       const ComponentManifest& component,
                                                       const std::string& owner) {
  std::vector<std::pair<std::string, Value>> values;
  const Json object = optional_member<Json>(preset, key, Json::object());
  for (const auto& [name, json] : object.items()) {
    const OptionInfo* option = component.find_option(name);
    if (option == nullptr) {
      std::vector<std::string> names;
      for (const OptionInfo& known : component.options) names.push_back(known.name);
      throw std::invalid_argument(owner + ": there is no option '" + name + "'" + did_you_mean(name, names));
    }
    Value value = value_from_json(json);
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && text->starts_with('@')) {
      const OptionInfo* other = component.find_option(std::string_view(*text).substr(1));
      if (other == nullptr || other->type != option->type) {
        throw std::invalid_argument(owner + ": '" + name + "' refers to " + *text +
                                    ", which is no option of the same type");
      }
      values.emplace_back(name, std::move(value));
    } else {
      values.emplace_back(name, checked_value(*option, std::move(value), owner));
    }
  }
  return values;
}

ComponentManifest read_component(const Json& json) {
  ComponentManifest component;
  component.kind = json.at("kind").get<std::string>();
  component.name = json.at("name").get<std::string>();
  component.summary = json.at("summary").get<std::string>();
  component.interface_version = json.at("interface_version").get<int>();
  component.aliases = optional_member<std::vector<std::string>>(json, "aliases");
  const std::string owner = component.kind + "/" + component.name;
  for (const Json& option : json.at("options")) component.options.push_back(read_option(option, owner));
  const Json presets = optional_member<Json>(json, "presets", Json::object());
  for (const auto& [name, preset] : presets.items()) {
    const std::string which = owner + ", preset " + name;
    component.presets.push_back({name, optional_member<std::string>(preset, "summary"),
                                 read_values(preset, "values", component, which),
                                 read_values(preset, "forced", component, which)});
  }
  return component;
}

PluginManifest read(const Json& json, const std::filesystem::path& file) {
  PluginManifest manifest;
  if (const int schema = json.at("schema").get<int>(); schema != manifest_schema) {
    throw std::invalid_argument("the manifest's schema is " + std::to_string(schema) +
                                ", this program reads " + std::to_string(manifest_schema) +
                                "; rebuild the plugin");
  }
  manifest.id = json.at("id").get<std::string>();
  manifest.version = json.at("version").get<std::string>();
  manifest.summary = optional_member<std::string>(json, "summary");
  manifest.licence = optional_member<std::string>(json, "licence");
  manifest.author = optional_member<std::string>(json, "author");
  const Json requirements = optional_member<Json>(json, "requirements", Json::object());
  manifest.requirements.nopos = optional_member<std::string>(requirements, "nopos");
  manifest.requirements.processor = optional_member<std::vector<std::string>>(requirements, "processor");
  manifest.library = file.parent_path() / json.at("library").get<std::string>();
  manifest.build_id = json.at("build_id").get<std::string>();
  manifest.abi = json.at("abi").get<std::map<std::string, std::string>>();
  for (const Json& component : json.at("components"))
    manifest.components.push_back(read_component(component));
  return manifest;
}

template <class T>
const T* find_named(const std::vector<T>& list, std::string_view name) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const T& item) { return item.name == name; });
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

const OptionInfo* ComponentManifest::find_option(std::string_view option) const {
  return find_named(options, option);
}

const Preset* ComponentManifest::find_preset(std::string_view preset) const {
  return find_named(presets, preset);
}

PluginManifest read_manifest(const std::filesystem::path& file) {
  const Json json = read_json(file, ExitCode::plugin_incompatible);
  try {
    PluginManifest manifest = read(json, file);
    manifest.file = file;
    return manifest;
  } catch (const Json::exception& error) {
    throw Error(ExitCode::plugin_incompatible,
                file.string() + ": not a plugin's manifest: " + error.what() + ".");
  } catch (const Error& error) {  // a sentence already
    throw Error(ExitCode::plugin_incompatible, file.string() + ": " + error.what());
  } catch (const std::exception& error) {
    throw Error(ExitCode::plugin_incompatible, file.string() + ": " + error.what() + ".");
  }
}

std::string qualified_name(const PluginManifest& plugin, const ComponentManifest& component) {
  return plugin.id + ":" + component.kind + "/" + component.name;
}

bool version_less(std::string_view a, std::string_view b) {
  const auto next = [](std::string_view& text) {  // the number in front, and what follows it up to the dot
    const std::string_view part = text.substr(0, text.find('.'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    unsigned long number = 0;
    const auto end = std::from_chars(part.data(), part.data() + part.size(), number).ptr;
    return std::pair(number, part.substr(static_cast<std::size_t>(end - part.data())));
  };
  while (!a.empty() || !b.empty()) {
    const auto left = next(a), right = next(b);
    if (left != right) return left < right;
  }
  return false;
}

}  // namespace nopos::registry
