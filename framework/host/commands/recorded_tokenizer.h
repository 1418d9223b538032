#pragma once
/// The tokenizer that a folder of data or a checkpoint says it was made with.

#include <filesystem>
#include <optional>
#include <string>

#include "nopos/tokenizer.h"

namespace nopos::host {

struct RecordedTokenizer {
  TokenizerRecord record;
  std::string place;  ///< "gpt2-bin/tokenizer.json", "checkpoint models/a/checkpoint_last.pt"
};

/// Of a folder; nothing where it has no record. \throws Error (data) where it is no such record
std::optional<RecordedTokenizer> recorded_in_folder(const std::filesystem::path& folder);

/// Of a folder that preprocess wrote, or of a checkpoint. \throws Error (data), also where there is none
RecordedTokenizer recorded_tokenizer(const std::filesystem::path& folder_or_checkpoint);

}  // namespace nopos::host
