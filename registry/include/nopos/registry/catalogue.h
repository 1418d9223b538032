#pragma once
/// Which plugins there are, which of them count, and which one a name means. Generic in the kind.

#include <filesystem>
#include <string>
#include <vector>

#include "nopos/registry/manifest.h"

namespace nopos::registry {

/// Where a search directory comes from, highest first.
enum class Tier { command_line, environment, user, installation, system };
std::string_view to_string(Tier tier);

struct SearchDirectory {
  std::filesystem::path path;
  Tier tier;
};

/// The directories in their order: `--plugin-path`, NOPOS_PLUGIN_PATH, the user's data directory, the
/// installation's plugin folder (found from the running executable), the system's data directories;
/// NOPOS_PLUGIN_PATH_ONLY replaces all.
std::vector<SearchDirectory> search_path(const std::vector<std::filesystem::path>& command_line);

enum class Status { usable, shadowed, broken };

struct Entry {
  PluginManifest manifest;  ///< as far as it could be read
  Tier tier;
  Status status = Status::usable;
  std::string reason;  ///< why it is not usable, and how to mend it
};

/// What a name on the command line stands for.
struct Resolved {
  const Entry* entry = nullptr;
  const ComponentManifest* component = nullptr;
  const Preset* preset = nullptr;  ///< where the name was a preset's ("transformer_lm_wiki103")
};

class Catalogue {
 public:
  /// Reads every manifest of the directories and of their immediate sub-folders, sorted by name, and checks
  /// each library as far as that is possible without loading it.
  static Catalogue scan(std::vector<SearchDirectory> directories);

  const std::vector<Entry>& entries() const { return entries_; }
  const std::vector<SearchDirectory>& directories() const { return directories_; }
  std::vector<std::string> kinds() const;

  /// Components, aliases and presets of a kind by name, usable plugins only.
  std::vector<std::string> names(std::string_view kind) const;

  /// `name` is a component, an alias, a preset, or qualified "id:kind/name".
  /// \throws Error (plugin_missing) with nearest names, the names of that kind and the directories searched;
  ///         Error (plugin_incompatible) where the plugin that was named is broken, with its reason;
  ///         Error (configuration) where two ids offer the name, with both qualified spellings.
  Resolved resolve(std::string_view kind, std::string_view name) const;

 private:
  std::vector<SearchDirectory> directories_;
  std::vector<Entry> entries_;
};

}  // namespace nopos::registry
