#include "nopos/registry/manifest.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <new>
#include <stdexcept>

#include "nopos/error.h"
#include "nopos/printable.h"
#include "nopos/registry/json.h"

namespace nopos::registry {
namespace {

constexpr std::uintmax_t largest_file = std::uintmax_t{16} << 20;
constexpr std::size_t longest_name = 128, most_items = 4096;

/// Names end up in command lines ("--lr-scheduler NAME", "id:kind/name", "a+b") and in messages.
std::string name_from(const Json& json, const std::string& what) {
  auto name = json.get<std::string>();
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  };
  if (name.size() > longest_name) throw std::invalid_argument(what + " has more than 128 characters");
  if (name.empty() || name.front() == '-' || !std::all_of(name.begin(), name.end(), allowed)) {
    throw std::invalid_argument(
        what + " is '" + name +
        "'; names consist of letters, digits, '_', '.' and '-', and do not begin with '-'");
  }
  return name;
}

/// A list or an object of the manifest, which must not be larger than anybody needs.
const Json& bounded(const Json& json, const std::string& what) {
  if (json.size() > most_items) {
    throw std::invalid_argument(what + ": there are " + std::to_string(json.size()) + ", at most " +
                                std::to_string(most_items) + " are read");
  }
  return json;
}

std::vector<std::string> names_from(const Json& json, const char* key, const std::string& what) {
  std::vector<std::string> names;
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return names;
  for (const Json& name : bounded(*found, what)) names.push_back(name_from(name, what));
  return names;
}

/// A whole number that is written as one: not 1.9, not true.
int small_number(const Json& json, const char* key) {
  const auto number = whole_number(json.at(key));
  if (!number || *number < 0 || *number > std::numeric_limits<int>::max()) {
    throw std::invalid_argument(std::string("'") + key + "' is " +
                                printable(json_text(json.at(key)), longest_name) + ", expected an integer");
  }
  return static_cast<int>(*number);
}

/// "2.1", or the whole number that manifests had before, which is 2.0.
InterfaceVersion interface_version(const Json& json) {
  if (json.is_number()) return {small_number({{"interface_version", json}}, "interface_version"), 0};
  const std::string text = json.get<std::string>();
  InterfaceVersion version;
  const char* const end = text.data() + text.size();
  const auto [dot, major_fault] = std::from_chars(text.data(), end, version.major);
  if (major_fault == std::errc() && dot != end && *dot == '.') {
    const auto [rest, minor_fault] = std::from_chars(dot + 1, end, version.minor);
    if (minor_fault == std::errc() && rest == end && version.major >= 0 && version.minor >= 0) return version;
  }
  throw std::invalid_argument("'interface_version' is " + printable(json_text(json), longest_name) +
                              ", expected is a version such as \"2.0\"");
}

template <class T>
T optional_member(const Json& json, const char* key, T otherwise = {}) {
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? otherwise : found->get<T>();
}

OptionInfo read_option(const Json& json, const std::string& owner) {
  OptionInfo option;
  option.name = name_from(json.at("name"), owner + ": the name of an option");
  option.type = option_type(json.at("type").get<std::string>());
  option.help = json.at("help").get<std::string>();
  option.optional = optional_member<bool>(json, "optional");
  option.choices = optional_member<std::vector<std::string>>(json, "choices");
  option.aliases = names_from(json, "aliases", owner + ": another name of the option " + option.name);
  option.positional = optional_member<bool>(json, "positional");
  if (const auto joint = optional_member<std::string>(json, "repeatable"); !joint.empty()) {
    if (joint.size() != 1 || option.type != OptionType::text)
      throw std::invalid_argument(owner + ": 'repeatable' of " + option.name +
                                  " must be one character, of an option that is text");
    option.joint = joint.front();
  }
  option.implied = optional_member<std::string>(json, "implied");
  for (const auto& [key, bound] :
       {std::pair("min", &option.min), std::pair("max", &option.max), std::pair("above", &option.above)}) {
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) continue;
    if (!found->is_number())
      throw std::invalid_argument(owner + ": '" + key + "' of " + option.name + " is not a number");
    *bound = found->get<double>();
  }
  // Types are fitted (an empty list, a whole number), but a default need not lie in the range.
  OptionInfo typed = option;
  typed.min = typed.max = typed.above = std::nullopt;
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

using ByName = std::map<std::string_view, const OptionInfo*>;

const OptionInfo* find(const ByName& options, std::string_view name) {
  const auto found = options.find(name);
  return found == options.end() ? nullptr : found->second;
}

std::vector<std::pair<std::string, Value>> read_values(const Json& preset, const char* key,
                                                       const ByName& options, const std::string& owner) {
  std::vector<std::pair<std::string, Value>> values;
  const Json object = optional_member<Json>(preset, key, Json::object());
  for (const auto& [name, json] : object.items()) {
    const OptionInfo* option = find(options, name_from(Json(name), owner + ": the name of an option"));
    if (option == nullptr) {
      std::vector<std::string> names;
      for (const auto& [known, info] : options) names.emplace_back(known);
      throw std::invalid_argument(owner + ": there is no option '" + name + "'" + did_you_mean(name, names));
    }
    Value value = value_from_json(json);
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && text->starts_with('@')) {
      const OptionInfo* other = find(options, std::string_view(*text).substr(1));
      if (other == nullptr || other->type != option->type) {
        throw std::invalid_argument(owner + ": '" + name + "' refers to " + *text +
                                    ", which is not an option of the same type");
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
  component.kind = name_from(json.at("kind"), "the kind of a component");
  component.name = name_from(json.at("name"), "the name of a component");
  component.summary = json.at("summary").get<std::string>();
  component.interface_version = interface_version(json.at("interface_version"));
  const std::string owner = component.kind + "/" + component.name;
  component.aliases = names_from(json, "aliases", owner + ": another name");
  for (const Json& option : bounded(json.at("options"), owner + ": options"))
    component.options.push_back(read_option(option, owner));
  ByName by_name;
  for (const OptionInfo& option : component.options) by_name.emplace(option.name, &option);
  const Json presets = optional_member<Json>(json, "presets", Json::object());
  for (const auto& [name, preset] : bounded(presets, owner + ": presets").items()) {
    const std::string which = owner + ", preset " + name_from(Json(name), owner + ": the name of a preset");
    component.presets.push_back({name, optional_member<std::string>(preset, "summary"),
                                 read_values(preset, "values", by_name, which),
                                 read_values(preset, "forced", by_name, which)});
  }
  return component;
}

PluginManifest read(const Json& json, const std::filesystem::path& file) {
  PluginManifest manifest;
  if (const int schema = small_number(json, "schema"); schema != manifest_schema) {
    throw std::invalid_argument("the manifest's schema is " + std::to_string(schema) +
                                ", this program reads " + std::to_string(manifest_schema) +
                                "; rebuild the plugin");
  }
  manifest.id = name_from(json.at("id"), "the plugin's id");
  manifest.version = json.at("version").get<std::string>();
  manifest.summary = optional_member<std::string>(json, "summary");
  manifest.license = optional_member<std::string>(json, "license");
  manifest.author = optional_member<std::string>(json, "author");
  manifest.paper = optional_member<std::string>(json, "paper");
  const Json facts = optional_member<Json>(json, "facts", Json::object());
  for (const auto& [about, fact] : facts.items()) manifest.facts.emplace_back(about, fact.get<std::string>());
  const Json requirements = optional_member<Json>(json, "requirements", Json::object());
  manifest.requirements.nopos = optional_member<std::string>(requirements, "nopos");
  manifest.requirements.processor = optional_member<std::vector<std::string>>(requirements, "processor");
  manifest.library = file.parent_path() / json.at("library").get<std::string>();
  manifest.build_id = json.at("build_id").get<std::string>();
  manifest.abi = json.at("abi").get<std::map<std::string, std::string>>();
  for (const Json& component : bounded(json.at("components"), "components"))
    manifest.components.push_back(read_component(component));
  return manifest;
}

/// A manifest is looked for in folders that hold anything: reading must come to an end, whatever it is.
void check_file(const std::filesystem::path& file) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(ExitCode::plugin_incompatible, file.string() + ": " + reason + ".");
  };
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    refuse(error ? "cannot be read: " + error.message() : "is not a file, so it is not a plugin manifest");
  if (const auto size = std::filesystem::file_size(file, error); error || size > largest_file)
    refuse("has " + std::to_string(size) + " bytes, but a plugin manifest has at most " +
           std::to_string(largest_file));
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
  check_file(file);
  const Json json = read_json(file, ExitCode::plugin_incompatible);
  try {
    PluginManifest manifest = read(json, file);
    manifest.file = file;
    return manifest;
  } catch (const Json::exception& error) {
    throw Error(ExitCode::plugin_incompatible,
                file.string() + ": not a plugin manifest: " + error.what() + ".");
  } catch (const Error& error) {  // a sentence already
    throw Error(ExitCode::plugin_incompatible, file.string() + ": " + error.what());
  } catch (const std::bad_alloc&) {  // not the manifest's fault
    throw;
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
