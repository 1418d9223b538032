#pragma once
/// What stands on disk beside a plugin's library: `<name>.nopos.json`, written by the build from
/// `plugin.json` and the describe step. Everything that `list`, `inspect` and `--help` show comes from here;
/// no plugin is loaded for it.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nopos/options.h"

namespace nopos::registry {

/// Number of the manifest's format; a manifest with another one is not read.
inline constexpr int manifest_schema = 1;

/// Named values for a component's options, and values that hold whatever the user says. A text value
/// "@other-option" stands for the value that the other option ends up with.
struct Preset {
  std::string name, summary;
  std::vector<std::pair<std::string, Value>> values, forced;
};

struct ComponentManifest {
  std::string kind, name, summary;
  int interface_version = 0;
  std::vector<std::string> aliases;
  std::vector<OptionInfo> options;
  std::vector<Preset> presets;

  const OptionInfo* find_option(std::string_view option) const;
  const Preset* find_preset(std::string_view preset) const;
};

/// What a plugin needs beyond an equal ABI tag; checked before it is loaded.
struct Requirements {
  std::string nopos;                   ///< least version of NoPos, or empty
  std::vector<std::string> processor;  ///< features as /proc/cpuinfo names them: "avx2"
};

struct PluginManifest {
  std::string id;  ///< "vendor.name"
  std::string version, summary, licence, author, paper;
  /// What the author tells of it in words, by what it is about ("longest sequence": "any").
  std::vector<std::pair<std::string, std::string>> facts;
  Requirements requirements;
  std::filesystem::path file;              ///< the manifest
  std::filesystem::path library;           ///< beside it
  std::string build_id;                    ///< hexadecimal, of the library's ELF note
  std::map<std::string, std::string> abi;  ///< the ABI tag by field; with "libtorch" where it uses tensors
  std::vector<ComponentManifest> components;
};

/// \throws Error (plugin_incompatible) naming the file and, for malformed JSON, line and column.
PluginManifest read_manifest(const std::filesystem::path& file);

/// "id:kind/name", the spelling that is never ambiguous.
std::string qualified_name(const PluginManifest& plugin, const ComponentManifest& component);

/// Whether version `a` comes before `b`: numbers between dots are compared as numbers.
bool version_less(std::string_view a, std::string_view b);

}  // namespace nopos::registry
