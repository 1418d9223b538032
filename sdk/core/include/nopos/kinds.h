#pragma once
/// The kinds of components, and the interface version of each: raised whenever the kind's interface changes,
/// and compared when a plugin is loaded. docs/developers.md says what a new kind takes.

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace nopos {

struct Kind {
  std::string_view name;
  int interface_version;
};

inline constexpr std::array kinds{
    Kind{"task", 3},      Kind{"architecture", 2}, Kind{"positional_encoding", 1}, Kind{"criterion", 1},
    Kind{"optimizer", 2}, Kind{"lr_scheduler", 2}, Kind{"tokenizer", 2},
};

/// The interface version of a kind; 0 for an unknown kind.
constexpr int kind_interface(std::string_view name) {
  for (const Kind& kind : kinds) {
    if (kind.name == name) return kind.interface_version;
  }
  return 0;
}

inline std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds) names.emplace_back(kind.name);
  return names;
}

}  // namespace nopos
