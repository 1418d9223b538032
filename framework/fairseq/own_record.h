#pragma once
/// What our files say of the run that wrote them, in their own entry: components with all options,
/// dictionary, tokenizer. Nothing in a file of fairseq. \throws Error (data) for a damaged file, everywhere

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint_file.h"
#include "nopos/options.h"
#include "run_progress.h"

namespace nopos {

struct RecordedOption {
  Value value;
  std::string source;  ///< "default", "command line", ...
};
using RecordedOptions = std::vector<std::pair<std::string, RecordedOption>>;

/// Null: there is no such option.
const Value* find(const RecordedOptions& options, std::string_view name);
Settings values_of(const RecordedOptions& options);

struct RecordedComponent {
  std::string kind, name, plugin;
  std::string version;  ///< of the plugin
  RecordedOptions options;
  std::string label;  ///< of an encoding that has one

  std::string full_name() const { return plugin + ":" + kind + "/" + name; }
};

/// Components of the kinds that a run has one of.
std::vector<RecordedComponent> recorded_components(const CheckpointFile& file);
/// Those of a kind that a run has several of.
std::vector<RecordedComponent> recorded_components(const CheckpointFile& file, std::string_view kind);

/// The engine's options of a group; empty where the file has no such group.
RecordedOptions recorded_group(const CheckpointFile& file, std::string_view group);

/// Nothing where the data did not say.
std::optional<TokenizerRecord> recorded_tokenizer_of(const CheckpointFile& file);

/// Without the tokenizer; size 0 and no digest where the file does not say.
DictionaryMark recorded_dictionary(const CheckpointFile& file);

}  // namespace nopos
