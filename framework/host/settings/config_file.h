#pragma once
/// Settings from a JSON file: one object per kind, keys are the names of flags.
///
///     {"positional_encoding": [{"name": "alibi"}],
///      "optimizer": {"name": "nag", "momentum": 0.99},
///      "training": {"max-update": 286000}}
///
/// Different encodings for different layers are an object, whose other keys are labels or components:
///
///     {"positional_encoding": {"layers": [{"repeat": 3, "use": ["near"], "window": 4096}, {"use": []}],
///                              "near": {"name": "alibi"}}}
///
/// "extends" names another file, from this one's folder, whose settings stand where this one has none.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "encoding_plan.h"
#include "nopos/options.h"

namespace nopos::host {

/// Where values come from, by their keys: "file configs/wikitext103/recipe.json".
using Origins = std::map<std::string, std::string, std::less<>>;

/// One component as the file names it. Without a name, the values are for whichever one is chosen.
struct ConfiguredComponent {
  std::string name = {};
  Settings values = {};
  Origins origins = {};    ///< of the values, and of "name"
  std::string label = {};  ///< of an encoding: the key that it stands under beside "layers"
};

struct ConfigFile {
  std::string path;                                       ///< as given; empty: no file
  std::map<std::string, ConfiguredComponent> components;  ///< by kind
  std::vector<ConfiguredComponent> encodings;
  EncodingPlan encoding_plan;  ///< by labels, and names as written; without groups: every layer has them all
  Settings training;           ///< the engine's options, and the host's `threads`
  Origins training_origins;
  std::string label = "file";  ///< or "checkpoint", whose settings nobody gave to this run

  std::string source() const { return label + " " + path; }
  /// Where a value comes from: its origin if it is known, for "extends" leads through several files.
  std::string source(const Origins& origins, const std::string& key) const {
    const auto found = origins.find(key);
    return found == origins.end() ? source() : found->second;
  }
};

/// \throws Error (configuration) naming file, line and column of malformed JSON, or the key that is not known
/// and the nearest one.
ConfigFile read_config_file(const std::filesystem::path& path);

}  // namespace nopos::host
