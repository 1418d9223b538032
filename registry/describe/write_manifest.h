#pragma once
#include <filesystem>

namespace nopos::registry {

/// Merges what a human wrote (`plugin_json`) with what the library says of itself, checks both, and writes
/// <library's name>.nopos.json beside the library. `tensors`: the plugin needs LibTorch.
/// \throws Error naming the file and what is wrong with it.
void write_manifest(const std::filesystem::path& library, const std::filesystem::path& plugin_json,
                    bool tensors);

}  // namespace nopos::registry
