#pragma once
/// Locates this installation, or build tree, which has the same layout; works after it was moved.

#include <filesystem>

namespace nopos::registry {

/// The folder of libnopos_core.so, from which all other parts of an installation are located.
std::filesystem::path library_folder();

}  // namespace nopos::registry
