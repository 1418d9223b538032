#include "search.h"

#include <cstdlib>

#include "nopos/error.h"
#include "nopos/strings.h"

namespace nopos::host {

std::string plugin_path(const Words& words) {
  std::vector<std::string> folders;
  for (const Argument& argument : parse_known_arguments(words, {{"plugin-path", false}})) {
    if (argument.flag == "plugin-path") folders.push_back(argument.text);
  }
  return join(folders, ":");
}

namespace {

namespace fs = std::filesystem;

/// The first file below `folder` whose name ends in `ending`; empty where none is near.
fs::path find_below(const fs::path& folder, std::string_view ending) {
  constexpr int deepest = 6, most = 20000;  // a hint is not worth a walk through a home folder
  std::error_code error;
  fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
  for (int seen = 0; !error && it != end && seen < most; it.increment(error), ++seen) {
    if (it.depth() == deepest) it.disable_recursion_pending();
    if (it->path().filename().string().ends_with(ending)) return it->path();
  }
  return {};
}

/// `--plugin-path` that names a library, a folder above the plugins, or their sources.
void refuse_wrong_place(const fs::path& folder, const registry::Catalogue& catalogue) {
  const fs::path whole = fs::absolute(folder).lexically_normal();
  for (const registry::Entry& entry : catalogue.entries()) {
    const fs::path place = entry.manifest.file.parent_path();
    if (place == whole || place.parent_path() == whole) return;
  }
  const std::string what =
      "--plugin-path " + folder.string() + ": there is no plugin in it or one folder below";
  if (const fs::path found = find_below(folder, ".nopos.json"); !found.empty()) {
    throw Error(ExitCode::usage, what + ", but " + found.string() + " is deeper. Write --plugin-path " +
                                     found.parent_path().parent_path().string());
  }
  if (const fs::path found = find_below(folder, "plugin.json"); !found.empty()) {
    throw Error(ExitCode::usage, what + "; " + found.string() +
                                     " has the sources of a plugin. Build it, and give the build folder");
  }
}

}  // namespace

registry::Catalogue scan_plugins(const std::string& folders) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& folder : split_list(folders, ':')) {
    paths.emplace_back(folder);
    if (!fs::is_regular_file(paths.back())) continue;
    const fs::path parent = paths.back().parent_path();
    throw Error(ExitCode::usage, "--plugin-path " + folder + " is a file. Give its folder: " +
                                     (parent.empty() ? "." : parent.string()));
  }
  auto catalogue = registry::Catalogue::scan(registry::search_path(paths));
  const bool ignored = std::getenv("NOPOS_PLUGIN_PATH_ONLY") != nullptr;
  for (const fs::path& path : ignored ? std::vector<fs::path>() : paths) refuse_wrong_place(path, catalogue);
  return catalogue;
}

}  // namespace nopos::host
