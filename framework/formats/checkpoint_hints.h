#pragma once
/// What to say where a checkpoint is expected and something else was named.

#include <filesystem>

namespace nopos {

/// `path`, which may be a checkpoint. \throws Error (data) for a folder, with the checkpoints in it; for a
/// name that does not exist, with the nearest ones; and for a regular file whose first bytes are those of
/// another kind of file, with its name and what to do with it. Anything that may be a damaged checkpoint
/// passes.
const std::filesystem::path& checkpoint_path(const std::filesystem::path& path);

}  // namespace nopos
