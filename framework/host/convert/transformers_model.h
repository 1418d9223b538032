#pragma once
/// A model as a folder that the transformers library loads: `config.json`, `model.safetensors`, and the
/// tokenizer where it can be expressed. What OPT computes is written as OPT; other models come with
/// `modeling_nopos.py`, which transformers runs with trust_remote_code=True. Needs no LibTorch.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nopos/registry/catalogue.h"

namespace nopos::host {

struct TransformersOptions {
  std::optional<std::int64_t> max_positions;  ///< rows of the table of positions, where it is computed
  std::optional<std::string> data;       ///< folder with dict.txt; as the checkpoint says where not given
  std::optional<std::string> tokenizer;  ///< of that data
};

/// Writes the folder, which is made. \return lines for the user: what was written, and what not and why
/// \throws Error (configuration) for a model that neither can express, naming what; (data)
std::vector<std::string> checkpoint_to_transformers(const std::filesystem::path& checkpoint,
                                                    const std::filesystem::path& folder,
                                                    const registry::Catalogue& catalogue,
                                                    const TransformersOptions& options);

}  // namespace nopos::host
