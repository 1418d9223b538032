#include "search.h"

#include <sstream>

namespace nopos::host {

std::string plugin_path(const Words& words) {
  std::string folders;
  for (const Argument& argument : parse_known_arguments(words, {{"plugin-path", false}})) {
    if (argument.flag == "plugin-path") folders += (folders.empty() ? "" : ":") + argument.text;
  }
  return folders;
}

registry::Catalogue scan_plugins(const std::string& folders) {
  std::vector<std::filesystem::path> paths;
  std::istringstream stream(folders);
  for (std::string folder; std::getline(stream, folder, ':');) {
    if (!folder.empty()) paths.emplace_back(folder);
  }
  return registry::Catalogue::scan(registry::search_path(paths));
}

}  // namespace nopos::host
