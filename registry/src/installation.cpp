#include "nopos/registry/installation.h"

#include <dlfcn.h>

#include "nopos/error.h"

namespace nopos::registry {

std::filesystem::path library_folder() {
  Dl_info info{};
  // Any function of libnopos_core.so does: taken as data, its address is the one inside that library.
  if (dladdr(reinterpret_cast<const void*>(&nopos::nearest_names), &info) == 0 || info.dli_fname == nullptr) {
    throw Error(ExitCode::runtime, "cannot determine where libnopos_core.so was loaded from.");
  }
  return std::filesystem::canonical(info.dli_fname).parent_path();
}

}  // namespace nopos::registry
