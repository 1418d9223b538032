#pragma once
/// Where this installation (or build tree, which is laid out alike) lies, wherever it was moved.

#include <filesystem>

namespace nopos::registry {

/// The folder of libnopos_core.so, from which everything else of an installation is found.
std::filesystem::path library_folder();

}  // namespace nopos::registry
