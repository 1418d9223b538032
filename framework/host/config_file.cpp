#include "config_file.h"

#include <algorithm>
#include <stdexcept>

#include "nopos/error.h"
#include "nopos/registry/json.h"

namespace nopos::host {
namespace {

using registry::Json;

const std::vector<std::string> single_kinds{"task", "architecture", "criterion", "optimizer", "lr_scheduler"};

[[noreturn]] void refuse(const std::string& message) { throw Error(ExitCode::configuration, message); }

Value value_of(const Json& json, const std::string& where) {
  try {
    return registry::value_from_json(json);
  } catch (const std::invalid_argument&) {
    refuse(where + " is " + json.dump() +
           ", but must be true or false, a number, text, a list of numbers, or null");
  }
}

const Json& object(const Json& json, const std::string& where) {
  if (!json.is_object()) refuse(where + " must be an object, such as {\"name\": \"...\"}");
  return json;
}

ConfiguredComponent component(const Json& json, const std::string& where) {
  ConfiguredComponent result;
  for (const auto& [key, value] : object(json, where).items()) {
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

}  // namespace

ConfigFile read_config_file(const std::filesystem::path& path) {
  ConfigFile file;
  file.path = path.string();
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    refuse(file.path + " is a folder, not a configuration file");
  const Json json = registry::read_json(path, ExitCode::configuration);
  if (!json.is_object()) refuse(file.path + ": a configuration is one JSON object with an object per kind");
  for (const auto& [key, value] : json.items()) {
    const std::string where = file.path + ": " + key;
    if (key == "training") {
      for (const auto& [name, setting] : object(value, where).items())
        file.training.emplace(name, value_of(setting, where + ": '" + name + "'"));
    } else if (key == "positional_encoding") {
      if (!value.is_array() || value.empty())
        refuse(where + " must be a list, such as [{\"name\": \"alibi\"}]");
      for (const Json& one : value) {
        file.encodings.push_back(component(one, where));
        if (file.encodings.back().name.empty()) refuse(where + ": every encoding needs a 'name'");
      }
    } else if (std::find(single_kinds.begin(), single_kinds.end(), key) != single_kinds.end()) {
      file.components.emplace(key, component(value, where));
    } else if (key == "layers") {
      refuse(where + ": reserved for a mix of encodings by layer, which is not supported");
    } else {
      std::vector<std::string> known = single_kinds;
      known.insert(known.end(), {"positional_encoding", "training"});
      std::string list;
      for (const std::string& one : known) list += (list.empty() ? "" : ", ") + one;
      refuse(file.path + ": unknown key '" + key + "'" + did_you_mean(key, known) + " (known: " + list + ")");
    }
  }
  return file;
}

}  // namespace nopos::host
