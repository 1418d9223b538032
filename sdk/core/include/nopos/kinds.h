#pragma once
/// The kinds of components, and the number of each kind's interface: raised whenever the interface changes,
/// compared between plugin and program. A new kind is a row here and its header.

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
    Kind{"task", 4},      Kind{"architecture", 3}, Kind{"positional_encoding", 2}, Kind{"criterion", 2},
    Kind{"optimizer", 2}, Kind{"lr_scheduler", 2}, Kind{"tokenizer", 2},
};

/// The number of a kind's interface, 0 for an unknown kind.
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
