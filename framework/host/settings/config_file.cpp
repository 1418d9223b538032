#include "config_file.h"

#include <algorithm>
#include <stdexcept>

#include "nopos/error.h"
#include "nopos/kinds.h"
#include "nopos/printable.h"
#include "nopos/registry/json.h"
#include "nopos/strings.h"

namespace nopos::host {
namespace {

using registry::Json;

std::vector<std::string> kinds_with(PerRun per_run) {
  std::vector<std::string> names;
  for (const Kind& kind : kinds) {
    if (kind.per_run == per_run) names.emplace_back(kind.name);
  }
  return names;
}

[[noreturn]] void refuse(const std::string& message) { throw Error(ExitCode::configuration, message); }

Value value_of(const Json& json, const std::string& where) {
  try {
    return registry::value_from_json(json);
  } catch (const std::invalid_argument&) {
    refuse(where + " is " + printable(json_text(json), 200) +
           ", but must be true or false, a number, text, a list of numbers, or null");
  }
}

const Json& object(const Json& json, const std::string& where) {
  if (!json.is_object()) refuse(where + " must be an object, such as {\"name\": \"...\"}");
  return json;
}

ConfiguredComponent component(const Json& json, const std::string& where, const std::string& source) {
  ConfiguredComponent result;
  for (const auto& [key, value] : object(json, where).items()) {
    result.origins[key] = source;
    if (key != "name") {
      result.values.emplace(key, value_of(value, where + ": '" + key + "'"));
    } else if (value.is_string()) {
      result.name = value.get<std::string>();
    } else {
      refuse(where + ": 'name' must be text");
    }
  }
  return result;
}

/// `changes` over `component`: another name replaces it whole.
void merge(ConfiguredComponent& component, ConfiguredComponent changes) {
  if (!changes.name.empty() && changes.name != component.name) {
    component = std::move(changes);
  } else {
    for (auto& [key, value] : changes.values) component.values.insert_or_assign(key, std::move(value));
    for (auto& [key, source] : changes.origins) component.origins.insert_or_assign(key, std::move(source));
  }
}

/// `outer` are the files that led here by their "extends".
ConfigFile read(const std::filesystem::path& path, std::vector<std::filesystem::path> outer) {
  ConfigFile file;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    refuse(path.string() + " is a folder, not a configuration file");
  const Json json = registry::read_json(path, ExitCode::configuration, Source::any);
  if (!json.is_object())
    refuse(path.string() + ": a configuration is one JSON object with an object per kind");
  if (const auto base = json.find("extends"); base != json.end()) {
    if (!base->is_string())
      refuse(path.string() + ": 'extends' must be the path of a file, relative to the folder of this one");
    outer.push_back(path.lexically_normal());
    const std::filesystem::path next = (path.parent_path() / base->get<std::string>()).lexically_normal();
    if (std::find(outer.begin(), outer.end(), next) != outer.end())
      refuse(path.string() + ": 'extends' leads back to " + next.string());
    file = read(next, std::move(outer));
  }
  file.path = path.string();
  for (const auto& [key, value] : json.items()) {
    const std::string where = file.path + ": " + key;
    const Kind* kind = find_kind(key);
    if (key == "extends") {
      continue;
    } else if (key == "training") {
      for (const auto& [name, setting] : object(value, where).items()) {
        file.training.insert_or_assign(name, value_of(setting, where + ": '" + name + "'"));
        file.training_origins.insert_or_assign(name, file.source());
      }
    } else if (kind != nullptr && kind->per_run == PerRun::several) {
      if (!value.is_array() || value.empty())
        refuse(where + " must be a list, such as [{\"name\": \"alibi\"}]");
      file.encodings.clear();
      for (const Json& one : value) {
        file.encodings.push_back(component(one, where, file.source()));
        if (file.encodings.back().name.empty()) refuse(where + ": every encoding needs a 'name'");
      }
    } else if (kind != nullptr && kind->per_run == PerRun::one) {
      merge(file.components[key], component(value, where, file.source()));
    } else if (key == "layers") {
      refuse(where + ": reserved for different encodings per layer, which is not supported");
    } else {
      std::vector<std::string> known = kinds_with(PerRun::one);
      for (const std::string& name : kinds_with(PerRun::several)) known.push_back(name);
      known.insert(known.end(), {"training", "extends"});
      refuse(file.path + ": unknown key '" + key + "'" + did_you_mean(key, known) +
             " (known: " + join(known) + ")");
    }
  }
  return file;
}

}  // namespace

ConfigFile read_config_file(const std::filesystem::path& path) { return read(path, {}); }

}  // namespace nopos::host
