#pragma once
/// The folder of reference data that may stand beside the checkout.

#include <cstdlib>
#include <filesystem>

namespace nopos::test {

/// Where it is, or would be: `data` in the folder that NOPOS_SHARED names, else in ../shared.
inline std::filesystem::path shared_data() {
  const char* given = std::getenv("NOPOS_SHARED");
  return std::filesystem::path(given != nullptr ? given : NOPOS_SOURCE_DIR "/../shared") / "data";
}

}  // namespace nopos::test
