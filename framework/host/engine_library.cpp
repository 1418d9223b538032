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

namespace {

/// A function of the engine, which is loaded for it.
template <class Function>
Function engine_function(const char* symbol) {
  registry::preload_torch();
  const auto library = registry::library_folder() / "libnopos_engine.so";
  void* engine = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const char* reason = engine == nullptr ? dlerror() : nullptr;
  void* function = engine == nullptr ? nullptr : dlsym(engine, symbol);
  if (function == nullptr) {
    throw Error(ExitCode::runtime, "cannot load the engine " + library.string() + ": " +
                                       (reason != nullptr ? reason : "it lacks " + std::string(symbol)) +
                                       "; build or install NoPos again, or see nopos-host doctor");
  }
  return reinterpret_cast<Function>(function);
}

}  // namespace

int train_with_engine(const RunConfig& config) {
  return engine_function<engine::TrainFunction>(engine::train_symbol)(config);
}

int validate_with_engine(const RunConfig& config, bool json) {
  return engine_function<engine::ValidateFunction>(engine::validate_symbol)(config, json);
}

int evaluate_with_engine(const EvaluationConfig& config) {
  return engine_function<engine::EvaluateFunction>(engine::evaluate_symbol)(config);
}

}  // namespace nopos::host
