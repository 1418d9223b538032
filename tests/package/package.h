#pragma once
/// Makes the Debian package of this build.

#include <filesystem>
#include <string>

#include "command.h"

namespace nopos::test {

/// Whether the tools are there that make and open a Debian package.
inline bool can_package() {
  return run({"sh", "-c", "command -v dpkg-deb && command -v dpkg-shlibdeps"}).exit_code == 0;
}

/// Runs cpack in `folder`; the package, or an empty path where that failed. `flags`: further arguments.
inline std::filesystem::path package_in(const std::filesystem::path& folder, const std::string& flags,
                                        CommandResult& result) {
  std::string command = NOPOS_CPACK " --config " NOPOS_BUILD_DIR "/CPackConfig.cmake -B ";
  command.append(folder.string()).append(" ").append(flags);
  result = run({"sh", "-c", command});
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".deb") return entry.path();
  }
  return {};
}

}  // namespace nopos::test
