#pragma once
/// The tokenizer of a model's data as the tokenizers library reads it.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "checkpoint_file.h"
#include "nopos/registry/catalogue.h"

namespace nopos::host {

struct TokenizerSource {
  std::optional<std::string> data,
      tokenizer;  ///< as the command line says; else as the file and the data say
  std::int64_t vocabulary = 0, max_positions = 0;  ///< of the model
};

/// Writes `tokenizer.json` and `tokenizer_config.json` into `folder`, so that a text gives the ids that
/// preprocess gives it, the end of a line that of </s>. What is not possible is no error, unless the command
/// line asked for it. \return a line for the user: what was written, or why it was not
std::string write_tokenizer(const std::filesystem::path& folder, const CheckpointFile& file,
                            const registry::Catalogue& catalogue, const TokenizerSource& source);

}  // namespace nopos::host
