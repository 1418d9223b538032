#include <algorithm>
#include <array>
#include <cstdlib>

#include "nopos/error.h"
#include "nopos/registry/catalogue.h"
#include "nopos/registry/installation.h"
#include "nopos/strings.h"

namespace nopos::registry {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name, const std::string& otherwise = {}) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

}  // namespace

std::string_view to_string(Tier tier) {
  constexpr std::array<std::string_view, 5> names{"command line", "environment", "user", "installation",
                                                  "system"};
  return names[static_cast<std::size_t>(tier)];
}

std::vector<SearchDirectory> search_path(const std::vector<fs::path>& command_line) {
  std::vector<SearchDirectory> directories;
  const auto add = [&](const fs::path& path, Tier tier) {
    const fs::path whole = fs::absolute(path).lexically_normal();
    const auto same = [&](const SearchDirectory& known) { return known.path == whole; };
    if (std::none_of(directories.begin(), directories.end(), same)) directories.push_back({whole, tier});
  };
  if (const std::string only = environment("NOPOS_PLUGIN_PATH_ONLY"); !only.empty()) {
    for (const fs::path path : split_list(only, ':')) add(path, Tier::environment);
    return directories;
  }
  for (const fs::path& path : command_line) {
    if (!fs::is_directory(path)) {
      throw Error(ExitCode::usage, "--plugin-path " + path.string() + ": there is no such folder.");
    }
    add(path, Tier::command_line);
  }
  for (const fs::path path : split_list(environment("NOPOS_PLUGIN_PATH"), ':')) add(path, Tier::environment);
  const std::string home = environment("HOME");
  const std::string data_home = environment("XDG_DATA_HOME", home.empty() ? "" : home + "/.local/share");
  if (!data_home.empty()) add(fs::path(data_home) / "nopos/plugins", Tier::user);
  add(library_folder() / "nopos/plugins", Tier::installation);
  for (const fs::path path : split_list(environment("XDG_DATA_DIRS", "/usr/local/share:/usr/share"), ':')) {
    add(path / "nopos/plugins", Tier::system);
  }
  return directories;
}

}  // namespace nopos::registry
