#include "recorded_tokenizer.h"

#include "checkpoint_file.h"
#include "nopos/error.h"
#include "own_record.h"

namespace nopos::host {
namespace {

std::optional<RecordedTokenizer> recorded_in_checkpoint(const std::filesystem::path& path) {
  const CheckpointFile file(path);
  auto record = recorded_tokenizer_of(file);
  if (!record) return std::nullopt;
  return RecordedTokenizer{std::move(*record), "checkpoint " + path.string()};
}

}  // namespace

std::optional<RecordedTokenizer> recorded_in_folder(const std::filesystem::path& folder) {
  auto record = read_tokenizer_record(folder);
  if (!record) return std::nullopt;
  return RecordedTokenizer{std::move(*record), (folder / TokenizerRecord::file_name).string()};
}

RecordedTokenizer recorded_tokenizer(const std::filesystem::path& path) {
  const bool is_folder = std::filesystem::is_directory(path);
  auto found = is_folder ? recorded_in_folder(path) : recorded_in_checkpoint(path);
  if (found) return std::move(*found);
  throw Error(ExitCode::data,
              path.string() +
                  (is_folder ? " has no tokenizer.json" : " does not say which tokenizer made its data") +
                  ": it was made without --tokenizer, or by an older program. Give --tokenizer.");
}

}  // namespace nopos::host
