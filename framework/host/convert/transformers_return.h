#pragma once
/// Checkpoints from folders of transformers.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "output/json_value.h"

namespace nopos::host {

/// From a folder that checkpoint_to_transformers wrote as OPT, or that transformers saved again after it had
/// loaded one; `config` is its config.json. Untrained since, the tensors are bit for bit the checkpoint's.
/// \throws Error (data), also where the checkpoint's model cannot hold what the folder does
void opt_to_checkpoint(const std::filesystem::path& folder, const Json& config,
                       const std::filesystem::path& checkpoint);

/// Whether `config` names a kind of model that `foreign_to_checkpoint` knows.
bool is_foreign_model(const Json& config);

/// From an OPT, GPT-2 or GPT-NeoX of another program, where the architecture here computes the same. Models
/// whose vocabulary lacks our special symbols need `dictionary`, the data's dict.txt, which names their
/// tokens by numbers. \return lines for the user \throws Error (configuration) naming each part of the model
/// that cannot be expressed, (data)
std::vector<std::string> foreign_to_checkpoint(const std::filesystem::path& folder, const Json& config,
                                               const std::filesystem::path& checkpoint,
                                               const std::optional<std::string>& dictionary);

}  // namespace nopos::host
