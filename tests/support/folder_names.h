#pragma once
/// What a folder holds.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace nopos::test {

/// The names in a folder, in order; none where there is no folder.
inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace nopos::test
