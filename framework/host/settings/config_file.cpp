#include "config_file.h"

#include <algorithm>
#include <set>
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

/// One entry of "layers".
EncodingPlan::Group layer_group(const Json& json, const std::string& where) {
  EncodingPlan::Group group;
  for (const auto& [key, value] : object(json, where).items()) {
    if (key == "use") {
      if (!value.is_array())
        refuse(where + ": 'use' must be a list of labels and names, such as [\"alibi\"]");
      for (const Json& one : value) {
        if (!one.is_string() || !is_encoding_name(one.get<std::string>())) {
          refuse(where + ": 'use' has " + printable(json_text(one), 200) +
                 ", but must be a list of labels and names, such as [\"alibi\"]");
        }
        group.use.push_back(one.get<std::string>());
      }
    } else if (key == "repeat" || key == "window") {
      const auto whole = whole_number(value);
      if (!whole || *whole < 1) {
        refuse(where + ": '" + key + "' is " + printable(json_text(value), 200) +
               ", but must be an integer of at least 1");
      }
      (key == "repeat" ? group.repeat : group.window) = *whole;
    } else {
      refuse(where + ": unknown key '" + key + "'" + did_you_mean(key, {"repeat", "use", "window"}) +
             " (known: repeat, use, window)");
    }
  }
  if (!json.contains("use")) refuse(where + ": 'use' is missing; [] stands for no encoding");
  return group;
}

/// The object under a key beside "layers": a label with its component, or a component itself.
ConfiguredComponent configured_encoding(const std::string& key, const Json& json, const std::string& where,
                                        const std::string& source) {
  ConfiguredComponent encoding = component(json, where + ": '" + key + "'", source);
  if (encoding.name.empty() || encoding.name == key) {
    encoding.name = key;
    return encoding;
  }
  if (!is_encoding_label(key)) {
    refuse(where + ": '" + key +
           "' is no label for an encoding: letters, digits, '-' and '_', after a letter");
  }
  encoding.label = key;
  return encoding;
}

/// "positional_encoding" with "layers". Encodings are in order of first appearance.
void read_layers(const Json& json, const std::string& where, ConfigFile& file) {
  std::map<std::string, ConfiguredComponent> defined;
  for (const auto& [key, value] : json.items()) {
    if (key != "layers") defined[key] = configured_encoding(key, value, where, file.source());
  }
  const Json& layers = json.at("layers");
  if (!layers.is_array() || layers.empty())
    refuse(where +
           ": 'layers' must be a list, such as [{\"repeat\": 3, \"use\": [\"alibi\"]}, {\"use\": []}]");
  std::set<std::string> seen;
  for (const Json& one : layers) {
    const std::size_t index = file.encoding_plan.groups.size();
    file.encoding_plan.groups.push_back(layer_group(one, where + ": layers[" + std::to_string(index) + "]"));
    for (const std::string& name : file.encoding_plan.groups.back().use) {
      if (!seen.insert(name).second) continue;
      const auto found = defined.find(name);
      if (found == defined.end()) {
        file.encodings.push_back({.name = name, .origins = {{"name", file.source()}}});
      } else {
        file.encodings.push_back(std::move(found->second));
      }
    }
  }
  for (const auto& [key, encoding] : defined) {
    if (seen.contains(key)) continue;
    refuse(where + ": '" + key + "' is not used in 'layers'" + did_you_mean(key, {seen.begin(), seen.end()}) +
           "; name it in a 'use', or remove it");
  }
  refuse_repeated_encodings(file.encoding_plan, where);
}

/// "positional_encoding": one stack for all layers, or an object with "layers".
void read_encodings(const Json& json, const std::string& where, ConfigFile& file) {
  file.encodings.clear();
  file.encoding_plan = {};
  if (json.is_object() && json.contains("layers")) return read_layers(json, where, file);
  if (!json.is_array() || json.empty()) {
    refuse(
        where +
        " must be a list, such as [{\"name\": \"alibi\"}], or an object with 'layers', such as {\"layers\": "
        "[{\"repeat\": 3, \"use\": [\"alibi\"]}, {\"use\": []}]}");
  }
  for (const Json& one : json) {
    file.encodings.push_back(component(one, where, file.source()));
    if (file.encodings.back().name.empty()) refuse(where + ": every encoding needs a 'name'");
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
      read_encodings(value, where, file);
    } else if (kind != nullptr && kind->per_run == PerRun::one) {
      merge(file.components[key], component(value, where, file.source()));
    } else if (key == "layers") {
      refuse(where +
             ": different encodings for different layers stand in positional_encoding: {\"layers\": [...]}");
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
