#pragma once
/// A run of Weights & Biases that goes on: what the save-dir knows of it, and where its file is taken up
/// again.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace nopos::engine {

struct WandbPast {
  std::string id;
  std::filesystem::path file;
  double started = 0;       ///< seconds since 1970
  std::uint64_t bytes = 0;  ///< of the file, up to the row of the last update that counts
  std::int64_t records = 0;
};

/// Notes in `save_dir` which run its training writes. \throws Error (data)
void note_wandb_run(const std::filesystem::path& save_dir, const std::string& project, const std::string& id,
                    const std::filesystem::path& file, double started);

/// The run of `project` that `save_dir` notes, its file cut behind the rows of up to `num_updates` updates:
/// those after the checkpoint come again. Nothing where there is none, or its file is gone or is another's.
std::optional<WandbPast> take_up_wandb_run(const std::filesystem::path& save_dir, const std::string& project,
                                           std::int64_t num_updates);

}  // namespace nopos::engine
