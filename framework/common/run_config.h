#pragma once
/// One run, completely resolved: what the host hands to the engine. Every option has a value and a source.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "encoding_plan.h"
#include "nopos/kinds.h"
#include "nopos/options.h"
#include "stop_signals.h"

namespace nopos {

/// Options of one owner with the source of each value: "default", "preset transformer_lm_wiki103", "file
/// x.json", "command line", "forced by preset ...".
struct ResolvedOptions {
  Settings values;  ///< complete: defaults included
  std::map<std::string, std::string, std::less<>> sources;
};

/// A plugin's component as chosen for this run.
struct ChosenComponent {
  std::string kind, name;  ///< "architecture", "transformer_lm"
  std::string given_name;  ///< what the user wrote: a preset ("transformer_lm_wiki103"), an alias or the name
  std::string plugin_id, plugin_version;
  std::filesystem::path library;
  std::string build_id;  ///< of the library when its manifest was read
  ResolvedOptions options;
  std::string label = {};  ///< of an encoding: `local` of `local=rope`; empty for one without
};

struct RunConfig {
  /// The engine's own options by group: "common", "dataset", "distributed_training", "optimization",
  /// "checkpoint" (framework/common/*_options.h declares them).
  std::map<std::string, ResolvedOptions> groups;

  /// By kind: one of most, encodings in the order of `--positional-encoding a+b`. An evaluation has only the
  /// kinds that a model needs.
  std::map<std::string, std::vector<ChosenComponent>, std::less<>> components;

  /// Which layer has which of the encodings, by their labels or names; empty where each has all.
  EncodingPlan encoding_plan;

  /// `--optimizer-overrides`: options of the optimizer that hold instead where its state is restored.
  Settings optimizer_overrides;

  /// Lines for the head of the log: versions, plugins, encoding, flag notices; some begin with "warning: ".
  std::vector<std::string> head;
  std::vector<std::string> command;  ///< the command line, for the checkpoint
  bool print_model = false;          ///< `--print-model`: the tree of modules goes into the log
  int threads = 0;                   ///< already resolved: affinity and cgroup limit, or `--threads`
  /// What asks training to save and end; outlives the run. None: nothing does.
  const StopRequest* stop = nullptr;

  /// The component of a kind, which the run must have.
  const ChosenComponent& component(std::string_view kind) const;
  ChosenComponent& component(std::string_view kind);

  /// All of a kind; empty where the run has none.
  const std::vector<ChosenComponent>& components_of(std::string_view kind) const;

  /// Labels and names of the encodings.
  std::vector<WrittenEncoding> encodings() const;
  /// Whether every layer has all encodings, without labels and windows.
  bool has_one_stack() const;
  /// The encodings of the run as `--positional-encoding` spells them.
  std::string encoding_text() const;
  /// "layers 0-2: alibi; 3: none"; empty where every layer has all encodings.
  /// \throws Error (configuration) if the plan does not fit a model of so many layers
  std::string encoding_layers(std::int64_t layer_count) const;

  /// Those of the kinds of which a run has one, in the order of `kinds`.
  std::vector<const ChosenComponent*> single_components() const;

  /// The options of a group as the struct that declares them.
  template <class T>
  T group() const {
    return read_options<T>(groups.at(T::group).values, T::group);
  }
};

}  // namespace nopos
