#pragma once
/// The model of a checkpoint, as the settings that a command line or a file would give.

#include <optional>
#include <string>

#include "checkpoint_file.h"
#include "config_file.h"
#include "fairseq_settings.h"
#include "nopos/registry/catalogue.h"

namespace nopos::host {

struct SavedModel {
  ConfigFile settings;  ///< the architecture and the encodings, by name and with all options
  SavedBlocks blocks;
};

/// \throws Error (plugin_missing) where the architecture or an encoding of one of our files is of a plugin
/// that is not found, with the plugin's id and version as the file records them
void require_plugins_of_model(const CheckpointFile& file, const registry::Catalogue& catalogue);

/// `overrides` replace settings by name, as fairseq writes them ("max_target_positions").
/// \throws Error (plugin_missing) where no plugin has the architecture, naming it; (configuration) for an
/// override that names nothing in the checkpoint; (data)
SavedModel read_saved_model(const CheckpointFile& file, const registry::Catalogue& catalogue,
                            Settings overrides);

/// The whole recipe of one of our checkpoints: its components with all options, and what its run was told of
/// data, precision and metrics. \throws Error (configuration) for a file of fairseq, (data)
ConfigFile saved_recipe(const CheckpointFile& file);

/// "{'tokens_per_sample': 64}": a Python dict of texts, numbers, True, False and None.
/// \throws Error (configuration); `flag` stands in the message
Settings parse_overrides(const std::string& text, const std::string& flag);

}  // namespace nopos::host
