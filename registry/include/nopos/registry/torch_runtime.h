#pragma once
/// Which LibTorch a process uses. It is located when a command starts to compute, not at process start: in
/// NOPOS_TORCH_ROOT, then in <libdir>/nopos/torch, then where it was when NoPos was configured.

#include <filesystem>
#include <string>
#include <vector>

namespace nopos::registry {

struct TorchRoot {
  std::filesystem::path path;  ///< a folder with lib/libc10.so and lib/libtorch_cpu.so
  std::string origin;          ///< "NOPOS_TORCH_ROOT", "the installation", "the configuration"
  std::string version;         ///< "2.11.0"; empty if the folder does not say
  std::string problem;         ///< why it cannot be used; empty if it can
};

/// The candidates, in order; nothing is loaded. The first without a problem is used; but if NOPOS_TORCH_ROOT
/// is set, it is used or refused, never replaced by another.
std::vector<TorchRoot> torch_roots();

/// The root to use. \throws Error (runtime) listing every candidate and its problem.
TorchRoot find_torch();

/// The version that the engine was built with, which a root must have.
std::string configured_torch_version();

/// Opens libc10.so and libtorch_cpu.so of that root, so that the engine and the plugins use them. Call before
/// the engine is opened. \throws Error (runtime)
TorchRoot preload_torch();

}  // namespace nopos::registry
