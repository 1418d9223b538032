#include "write_manifest.h"

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>

#include "../src/child_process.h"
#include "../src/load_limit.h"
#include "nopos/kinds.h"
#include "nopos/registry/checks.h"
#include "nopos/registry/json.h"
#include "nopos/registry/loader.h"
#include "nopos/registry/torch_runtime.h"

namespace nopos::registry {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& file, const std::string& reason) {
  throw Error(ExitCode::plugin_incompatible, file.string() + ": " + reason + ".");
}

// The library's own words: {"abi": {...}, "components": [...]}, asked in a child that may crash.
Json describe(const fs::path& library, bool tensors) {
  const ChildResult result = run_in_child(
      [&] {
        if (tensors) preload_torch();
        const Description description = describe_plugin(library);
        Json json = Json::parse(description.json);
        json["abi"] = description.abi;
        return json.dump();
      },
      {.time = child_limit()});
  if (result.failure.starts_with(library.string()))
    throw Error(ExitCode::plugin_incompatible, result.failure);
  if (!result.failure.empty()) refuse(library, "the plugin's describe step " + result.failure);
  return Json::parse(result.output);
}

void check_plugin_json(const Json& json, const fs::path& file) {
  static const std::set<std::string> known{"id",    "version", "summary",      "license", "author",
                                           "paper", "facts",   "requirements", "presets"};
  static const std::set<std::string> objects{"facts", "requirements", "presets"};
  if (!json.is_object()) refuse(file, "is not a JSON object");
  for (const auto& [key, value] : json.items()) {
    if (!known.contains(key) && key != "licence")
      refuse(file, "unknown key '" + key + "'" + did_you_mean(key, {known.begin(), known.end()}));
    if (objects.contains(key) ? !value.is_object() : !value.is_string()) {
      refuse(file, "'" + key + "' has the wrong type");
    }
    for (const auto& [about, fact] : value.items()) {
      if (key == "facts" && !fact.is_string()) refuse(file, "the fact '" + about + "' is not a string");
    }
  }
  const auto matches = [&](const char* key, const char* pattern, const char* example) {
    if (!json.contains(key) || !std::regex_match(json[key].get<std::string>(), std::regex(pattern))) {
      refuse(file, std::string("'") + key + "' is missing or malformed; write it as \"" + example + "\"");
    }
  };
  matches("id", "[a-z0-9_-]+(\\.[a-z0-9_-]+)+", "vendor.name");
  matches("version", "[0-9]+(\\.[0-9]+)*([.-].+)?", "0.1.0");
  matches("summary", "[^\\n]+", "what the plugin does, on one line");
}

void add_presets(Json& components, const Json& presets, const fs::path& file) {
  for (const auto& [name, by_name] : presets.items()) {
    const auto owner =
        std::find_if(components.begin(), components.end(),
                     [&name = name](const Json& component) { return component["name"] == name; });
    if (owner == components.end())
      refuse(file, "presets of '" + name + "', which the plugin does not register");
    (*owner)["presets"] = by_name;
  }
}

// Names of a kind are its components, their aliases and their presets; each may be used once.
void check_names(const PluginManifest& manifest, const fs::path& library) {
  if (manifest.components.empty()) refuse(library, "registers no component");
  std::set<std::string> seen;
  for (const ComponentManifest& component : manifest.components) {
    if (kind_interface(component.kind) == InterfaceVersion{}) {
      refuse(library, "registers " + component.kind + "/" + component.name + ", which is of an unknown kind" +
                          did_you_mean(component.kind, kind_names()));
    }
    std::vector<std::string> names{component.name};
    names.insert(names.end(), component.aliases.begin(), component.aliases.end());
    for (const Preset& preset : component.presets) names.push_back(preset.name);
    for (const std::string& name : names) {
      if (!seen.insert(component.kind + "/" + name).second) {
        refuse(library, "registers " + component.kind + "/" + name + " twice");
      }
    }
  }
}

}  // namespace

void write_manifest(const fs::path& library, const fs::path& plugin_json, bool tensors) {
  const Json written = read_json(plugin_json, ExitCode::plugin_incompatible);
  check_plugin_json(written, plugin_json);
  const Json described = describe(library, tensors);
  Json manifest{{"schema", manifest_schema}};
  for (const auto& [key, value] : written.items()) {
    if (key != "presets") manifest[key == "licence" ? "license" : key] = value;  // both spellings are taken
  }
  manifest["library"] = library.filename().string();
  manifest["build_id"] = read_build_id(library);
  manifest["abi"] = described["abi"];
  manifest["components"] = described["components"];
  if (written.contains("presets")) add_presets(manifest["components"], written["presets"], plugin_json);

  const fs::path file = fs::path(library).replace_extension(".nopos.json");
  const fs::path fresh = file.string() + ".new";
  std::ofstream stream(fresh);
  stream << manifest.dump(2) << '\n';
  stream.close();
  if (!stream) refuse(fresh, "cannot be written");
  try {
    check_names(read_manifest(fresh), library);  // and everything that reading checks: presets above all
  } catch (const Error& error) {
    fs::remove(fresh);
    std::string reason = error.what();
    if (const std::string name = fresh.string(); reason.starts_with(name))
      reason.replace(0, name.size(), plugin_json.string());
    throw Error(error.code(), reason);
  }
  fs::rename(fresh, file);
}

}  // namespace nopos::registry
