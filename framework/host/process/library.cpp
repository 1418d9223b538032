#include "library.h"

#include <dlfcn.h>

#include "nopos/error.h"
#include "nopos/registry/installation.h"

namespace nopos::host {

void* own_function(const std::string& name, const char* symbol) {
  const auto path = registry::library_folder() / name;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const char* reason = library == nullptr ? dlerror() : nullptr;
  void* function = library == nullptr ? nullptr : dlsym(library, symbol);
  if (function == nullptr) {
    throw Error(ExitCode::runtime, "cannot load " + path.string() + ": " +
                                       (reason != nullptr ? reason : "it lacks " + std::string(symbol)) +
                                       "; build or install NoPos again, or see nopos-host doctor");
  }
  return function;
}

}  // namespace nopos::host
