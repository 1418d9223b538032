#pragma once
/// Python packages of the newest versions, for comparisons: an environment of their own in the build folder.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "command.h"

namespace nopos::test {

/// The interpreter of an environment with the packages ("tiktoken==0.14.0"), made where it is not there yet;
/// a failed expectation where that fails.
inline std::string python_with(const std::string& name, const std::vector<std::string>& packages) {
  const std::filesystem::path folder = std::filesystem::path(NOPOS_BUILD_DIR) / "tests" / name;
  const std::string python = folder / "bin" / "python";
  std::string wanted;
  for (const std::string& package : packages) wanted += package + "\n";
  if (std::filesystem::exists(folder / "packages") && read_file(folder / "packages") == wanted) return python;
  std::filesystem::remove_all(folder);
  const CommandResult made = run({"python3", "-m", "venv", folder});
  EXPECT_EQ(made.exit_code, 0) << made.out << made.err;
  std::vector<std::string> install{python, "-m", "pip", "install", "--quiet"};
  install.insert(install.end(), packages.begin(), packages.end());
  const CommandResult installed = run(install);
  EXPECT_EQ(installed.exit_code, 0) << installed.out << installed.err;
  if (installed.exit_code == 0) write_file(folder / "packages", wanted);
  return python;
}

}  // namespace nopos::test
