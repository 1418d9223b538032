#include "engine_library.h"

#include <dlfcn.h>

#include <algorithm>

#include "entry.h"
#include "nopos/error.h"
#include "nopos/registry/installation.h"
#include "nopos/registry/torch_runtime.h"

namespace nopos::host {

std::string torch_description() {
  try {
    const registry::TorchRoot root = registry::find_torch();
    return "LibTorch " + root.version + " in " + root.path.string() + " (from " + root.origin + ")";
  } catch (const Error&) {
    return "no LibTorch (nopos-host doctor says why)";
  }
}

int train_with_engine(const RunConfig& config) {
  registry::preload_torch();
  const auto library = registry::library_folder() / "libnopos_engine.so";
  void* engine = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const char* reason = engine == nullptr ? dlerror() : nullptr;
  void* train = engine == nullptr ? nullptr : dlsym(engine, engine::train_symbol);
  if (train == nullptr) {
    throw Error(ExitCode::runtime,
                "cannot load the engine " + library.string() + ": " +
                    (reason != nullptr ? reason : "it lacks " + std::string(engine::train_symbol)) +
                    "; build or install NoPos again, or see nopos-host doctor");
  }
  return reinterpret_cast<engine::TrainFunction>(train)(config);
}

}  // namespace nopos::host
