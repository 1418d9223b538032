#pragma once
/// Several paths in one option.

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace nopos {

/// The paths that `text` names with `separator` between them; one where there is a file of the whole name,
/// which may hold the separator. Empty pieces stay, so that none is lost without a word.
inline std::vector<std::string> path_list(const std::string& text, char separator) {
  std::error_code ignored;
  if (text.find(separator) == std::string::npos || std::filesystem::exists(text, ignored)) return {text};
  std::vector<std::string> paths;
  for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = text.find(separator, begin);
    paths.push_back(text.substr(begin, end - begin));
  }
  return paths;
}

}  // namespace nopos
