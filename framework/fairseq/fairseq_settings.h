#pragma once
/// The settings that a checkpoint records as fairseq does: in `cfg` with a section for each part, or in
/// `args`, of older files, all in one. \throws Error (data) for a damaged file, everywhere

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint_file.h"
#include "nopos/options.h"

namespace nopos {

/// For which lengths a model was built; nothing where nobody says.
struct SavedBlocks {
  std::optional<std::int64_t> tokens_per_sample, max_target_positions;
};

using NamedValues = std::vector<std::pair<std::string, Value>>;

class FairseqSettings {
 public:
  /// `file` outlives the object.
  explicit FairseqSettings(const CheckpointFile& file);

  /// Whether the file has any.
  bool known() const { return model_ != nullptr; }
  /// Whether some setting has this name, as fairseq writes it.
  bool has(const std::string& name) const;
  /// A setting of the model by the name of our option, "decoder-embed-dim"; null where there is none.
  const PickleNode* model_option(std::string_view option) const;
  /// The name of the architecture; null where there is none.
  const PickleNode* architecture() const;

  /// Names of the task, the architecture, the criterion, ..., by kind; those that the file says.
  NamedValues components() const;
  /// The three flags by which fairseq chooses positions; those that the file says.
  NamedValues position_flags() const;

  // With `overrides`, settings by fairseq's names, which are taken out where they are used.

  /// Our encodings, by those flags.
  std::vector<std::string> encodings(Settings& overrides) const;
  /// \throws Error (configuration) for an override out of range
  SavedBlocks blocks(Settings& overrides) const;
  /// Values of the `known` options of the architecture. \throws Error (configuration) naming a setting that
  /// is not known and changes the model
  Settings model_options(const std::vector<OptionInfo>& known, Settings& overrides) const;

 private:
  Value setting(const char* name, Settings& overrides) const;
  bool flag(const char* name, Settings& overrides) const;

  const CheckpointFile& file_;
  const PickleNode *cfg_, *args_, *model_;
};

/// Whether `name` is one of the three flags that choose positions.
bool is_position_flag(std::string_view name);

/// The encodings that fairseq builds for them.
std::vector<std::string> reference_encodings(bool no_token_positional_embeddings, bool learned, bool alibi);

/// The same of the options of a task, as one of our files records them.
/// \throws Error (configuration) for an override out of range
SavedBlocks recorded_blocks(const Settings& task);

/// The data of the training that wrote a file, as it was told, relative to where it ran; empty where the file
/// does not say.
std::string recorded_data(const CheckpointFile& file);

}  // namespace nopos
