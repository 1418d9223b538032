#pragma once
/// The kinds of components. A new kind is a row here and its header; registry, host and engine go through the
/// rows and name no kind that they do not use themselves. docs/developers.md says more.

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

/// How many components of a kind a training run, or an evaluation of its model, has.
enum class PerRun { none, one, several };

struct Kind {
  std::string_view name;
  InterfaceVersion interface_version;  ///< compared when a plugin is loaded
  PerRun per_run = PerRun::none;
  std::string_view flag = {};       ///< that names a component: `--arch`
  std::string_view otherwise = {};  ///< the component where none is named; empty: one must be
  std::string_view flag_help = {};
};

/// In the order in which a run is described.
inline constexpr std::array kinds{
    Kind{"task", {5, 0}, PerRun::one, "task", "language_modeling", "task: how data becomes batches"},
    Kind{"architecture", {3, 0}, PerRun::one, "arch", "", "architecture or preset (required)"},
    Kind{"positional_encoding",
         {2, 0},
         PerRun::several,
         "positional-encoding",
         "sinusoidal",
         "positional encoding, or several joined by +; default: sinusoidal, or as the flags below say"},
    Kind{"criterion", {2, 0}, PerRun::one, "criterion", "cross_entropy", "loss"},
    Kind{"optimizer", {2, 0}, PerRun::one, "optimizer", "", "optimizer (required)"},
    Kind{"lr_scheduler", {2, 0}, PerRun::one, "lr-scheduler", "fixed", "learning-rate schedule"},
    Kind{"tokenizer", {2, 0}, PerRun::none, "tokenizer"},
    Kind{"analysis", {1, 0}},
};

/// The row of a kind; null for an unknown one.
constexpr const Kind* find_kind(std::string_view name) {
  for (const Kind& kind : kinds) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

/// The interface version of a kind; 0.0 for an unknown kind.
constexpr InterfaceVersion kind_interface(std::string_view name) {
  const Kind* kind = find_kind(name);
  return kind == nullptr ? InterfaceVersion{} : kind->interface_version;
}

inline std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds) names.emplace_back(kind.name);
  return names;
}

}  // namespace nopos
