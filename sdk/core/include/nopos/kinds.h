#pragma once
/// The kinds of components. A new kind is a row here and its header; registry, host and engine go through the
/// rows and name no kind that they do not use themselves.

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace nopos {

/// How many components of a kind a run has: a training, or what goes on with its model.
enum class PerRun { none, one, several };

struct Kind {
  std::string_view name;
  /// Raised whenever the kind's interface changes; compared between plugin and program.
  int interface_version;
  PerRun per_run = PerRun::none;
  std::string_view flag = {};       ///< that names a component: `--arch`
  std::string_view otherwise = {};  ///< the component where none is named; empty: one must be
  std::string_view flag_help = {};
};

/// In the order in which a run is described.
inline constexpr std::array kinds{
    Kind{"task", 3, PerRun::one, "task", "language_modeling", "what data means"},
    Kind{"architecture", 2, PerRun::one, "arch", "", "architecture, or one of its presets; must be given"},
    Kind{"positional_encoding", 1, PerRun::several, "positional-encoding", "sinusoidal",
         "positional encoding, or several joined by +; sinusoidal where neither this nor a flag below is "
         "given"},
    Kind{"criterion", 1, PerRun::one, "criterion", "cross_entropy", "loss"},
    Kind{"optimizer", 2, PerRun::one, "optimizer", "", "optimizer; must be given"},
    Kind{"lr_scheduler", 2, PerRun::one, "lr-scheduler", "fixed", "how the learning rate changes"},
    Kind{"tokenizer", 2, PerRun::none, "tokenizer"},
    Kind{"analysis", 1},
};

/// The row of a kind; null for an unknown one.
constexpr const Kind* find_kind(std::string_view name) {
  for (const Kind& kind : kinds) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

/// The number of a kind's interface, 0 for an unknown kind.
constexpr int kind_interface(std::string_view name) {
  const Kind* kind = find_kind(name);
  return kind == nullptr ? 0 : kind->interface_version;
}

inline std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds) names.emplace_back(kind.name);
  return names;
}

}  // namespace nopos
