#pragma once
/// Several paths in one option.

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace nopos {

/// Splits `text` at `separator`; if a file of the whole name exists, `text` is a single path. Empty parts are
/// kept, so that none is dropped silently.
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
