#include "engine_library.h"

#include "entry.h"
#include "library.h"
#include "nopos/error.h"
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
  return reinterpret_cast<Function>(own_function("libnopos_engine.so", symbol));
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
