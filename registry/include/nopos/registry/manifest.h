#pragma once
/// The manifest beside a plugin's library: `<name>.nopos.json`, written by the build from `plugin.json` and
/// the describe step. Everything that `list`, `inspect` and `--help` show comes from manifests, without
/// loading a plugin.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nopos/kinds.h"
#include "nopos/options.h"

namespace nopos::registry {

/// Version of the manifest format; manifests with another version are refused.
inline constexpr int manifest_schema = 1;

/// Named values for a component's options, and `forced` values, which override the user's. A text value
/// "@other-option" stands for the final value of that option.
struct Preset {
  std::string name, summary;
  std::vector<std::pair<std::string, Value>> values, forced;
};

struct ComponentManifest {
  std::string kind, name, summary;
  InterfaceVersion interface_version;
  std::vector<std::string> aliases;
  std::vector<OptionInfo> options;
  std::vector<Preset> presets;

  const OptionInfo* find_option(std::string_view option) const;
  const Preset* find_preset(std::string_view preset) const;
};

/// What a plugin requires besides an equal ABI tag; checked before it is loaded.
struct Requirements {
  std::string nopos;                   ///< minimum version of NoPos, or empty
  std::vector<std::string> processor;  ///< features, named as in /proc/cpuinfo: "avx2"
};

struct PluginManifest {
  std::string id;  ///< "vendor.name"
  std::string version, summary, license, author, paper;
  /// The author's description in words, by topic ("longest sequence": "any").
  std::vector<std::pair<std::string, std::string>> facts;
  Requirements requirements;
  std::filesystem::path file;     ///< the manifest
  std::filesystem::path library;  ///< beside it
  std::string build_id;           ///< hexadecimal, from the library's ELF note
  std::map<std::string, std::string>
      abi;  ///< the ABI tag by field; has "libtorch" if the plugin uses tensors
  std::vector<ComponentManifest> components;
};

/// \throws Error (plugin_incompatible) naming the file and, for malformed JSON, line and column.
PluginManifest read_manifest(const std::filesystem::path& file);

/// "id:kind/name", the name that is never ambiguous.
std::string qualified_name(const PluginManifest& plugin, const ComponentManifest& component);

/// Whether version `a` is less than `b`; components between dots are compared numerically.
bool version_less(std::string_view a, std::string_view b);

}  // namespace nopos::registry
