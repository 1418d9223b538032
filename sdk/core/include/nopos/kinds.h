#pragma once
/// The kinds of components, and the version of each kind's interface, which is compared when a plugin is
/// loaded. docs/developers.md says what a new kind takes.

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace nopos {

/// The version of a kind's interface. `minor` grows with an addition that leaves compiled plugins valid: a
/// further exported function of one of the SDK's classes, a further overload, a side interface. Everything
/// else raises `major`: any change of a virtual function, of the layout of a type that plugins hold by value,
/// or of a meaning.
struct InterfaceVersion {
  int major = 0, minor = 0;

  /// Whether a program with this version runs a plugin that was built against `built`.
  constexpr bool runs(InterfaceVersion built) const { return built.major == major && built.minor <= minor; }
  constexpr bool operator==(const InterfaceVersion&) const = default;
};

/// "2.0"
inline std::string to_string(InterfaceVersion version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor);
}

struct Kind {
  std::string_view name;
  InterfaceVersion interface_version;
};

inline constexpr std::array kinds{
    Kind{"task", {4, 0}},      Kind{"architecture", {3, 0}}, Kind{"positional_encoding", {2, 0}},
    Kind{"criterion", {2, 0}}, Kind{"optimizer", {2, 0}},    Kind{"lr_scheduler", {2, 0}},
    Kind{"tokenizer", {2, 0}},
};

/// The interface version of a kind; 0.0 for an unknown kind.
constexpr InterfaceVersion kind_interface(std::string_view name) {
  for (const Kind& kind : kinds) {
    if (kind.name == name) return kind.interface_version;
  }
  return {};
}

inline std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds) names.emplace_back(kind.name);
  return names;
}

}  // namespace nopos
