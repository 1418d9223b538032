#pragma once
/// Which plugins are available, which are usable, and which one a name refers to. Independent of the kinds.

#include <filesystem>
#include <string>
#include <vector>

#include "nopos/registry/manifest.h"

namespace nopos::registry {

/// Where a search directory comes from, in order of precedence.
enum class Tier { command_line, environment, user, installation, system };
std::string_view to_string(Tier tier);

struct SearchDirectory {
  std::filesystem::path path;
  Tier tier;
};

/// The search directories in order: `--plugin-path`, NOPOS_PLUGIN_PATH, the user's data directory, the
/// installation's plugin folder (located from the running executable), the system's data directories.
/// NOPOS_PLUGIN_PATH_ONLY replaces them all.
std::vector<SearchDirectory> search_path(const std::vector<std::filesystem::path>& command_line);

enum class Status { usable, shadowed, broken };

struct Entry {
  PluginManifest manifest;  ///< as far as it could be read
  Tier tier;
  Status status = Status::usable;
  std::string reason;  ///< why it is not usable, and how to fix it
};

/// What a name on the command line refers to. Points into the catalogue.
struct Resolved {
  const Entry* entry = nullptr;
  const ComponentManifest* component = nullptr;
  const Preset* preset = nullptr;  ///< if the name was that of a preset ("transformer_lm_wiki103")
};

class Catalogue {
 public:
  /// Reads every manifest in the directories and their immediate subfolders, sorted by name, and checks each
  /// library as far as possible without loading it.
  static Catalogue scan(std::vector<SearchDirectory> directories);

  const std::vector<Entry>& entries() const { return entries_; }
  const std::vector<SearchDirectory>& directories() const { return directories_; }
  std::vector<std::string> kinds() const;

  /// Components, aliases and presets of a kind by name, usable plugins only.
  std::vector<std::string> names(std::string_view kind) const;

  /// `name` is a component, an alias, a preset, or a qualified "id:kind/name".
  /// \throws Error (plugin_missing) with the closest names, the names of the kind and the directories
  /// searched;
  ///         Error (plugin_incompatible) if the named plugin is broken, with the reason;
  ///         Error (configuration) if two plugins offer the name, with both qualified names.
  Resolved resolve(std::string_view kind, std::string_view name) const;

 private:
  std::vector<SearchDirectory> directories_;
  std::vector<Entry> entries_;
};

}  // namespace nopos::registry
