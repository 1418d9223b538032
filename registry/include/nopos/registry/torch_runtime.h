#pragma once
/// Which LibTorch a process uses. It is found when the process starts to compute, not when it starts: in
/// NOPOS_TORCH_ROOT, then in <libdir>/nopos/torch, then where it lay when NoPos was configured.

#include <filesystem>
#include <string>
#include <vector>

namespace nopos::registry {

struct TorchRoot {
  std::filesystem::path path;  ///< a folder with lib/libc10.so and lib/libtorch_cpu.so
  std::string origin;          ///< "NOPOS_TORCH_ROOT", "the installation", "the configuration"
  std::string version;         ///< "2.11.0"; empty where the folder does not tell
  std::string problem;         ///< why it cannot be used; empty: it can
};

/// The places that are asked, in their order; nothing is loaded. The first without a problem is taken, but
/// NOPOS_TORCH_ROOT, where set, is taken or refused: no other is used in its stead.
std::vector<TorchRoot> torch_roots();

/// The root taken. \throws Error (runtime) listing every place and what is wrong with it.
TorchRoot find_torch();

/// The version that this program's engine was built with, which a root must have.
std::string configured_torch_version();

/// Opens libc10.so and libtorch_cpu.so of the root taken, so that the engine's and the plugins' own need of
/// them is met by these. Called before the engine is opened. \throws Error (runtime)
TorchRoot preload_torch();

}  // namespace nopos::registry
