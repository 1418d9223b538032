#include "nopos/registry/torch_runtime.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "command.h"
#include "nopos/error.h"

namespace nopos::registry {
namespace {

namespace fs = std::filesystem;

// Folders that look like LibTorch; only what is looked at without loading is there.
fs::path make_root(const fs::path& folder, const std::string& version) {
  fs::create_directories(folder / "lib");
  for (const char* library : {"libc10.so", "libtorch_cpu.so"})
    test::write_file(folder / "lib" / library, "x");
  if (!version.empty())
    test::write_file(folder / "version.py", "debug = False\n__version__ = '" + version + "+cu130'\n");
  return folder;
}

std::string refusal() {
  try {
    find_torch();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::runtime);
    return error.what();
  }
  return "nothing was refused";
}

struct TorchRuntime : ::testing::Test {
  ~TorchRuntime() override { unsetenv("NOPOS_TORCH_ROOT"); }
  test::TemporaryFolder folder;
};

TEST_F(TorchRuntime, VariableDecides) {
  const fs::path root = make_root(folder / "torch", configured_torch_version());
  setenv("NOPOS_TORCH_ROOT", root.c_str(), 1);
  EXPECT_EQ(find_torch().path, root);
  EXPECT_EQ(find_torch().origin, "NOPOS_TORCH_ROOT");
  EXPECT_EQ(find_torch().version, configured_torch_version());
}

TEST_F(TorchRuntime, OtherVersionIsRefusedWithBoth) {
  setenv("NOPOS_TORCH_ROOT", make_root(folder / "torch", "1.13.1").c_str(), 1);
  const std::string message = refusal();
  EXPECT_NE(message.find("LibTorch 1.13.1"), std::string::npos) << message;
  EXPECT_NE(message.find("built with " + configured_torch_version()), std::string::npos) << message;
}

TEST_F(TorchRuntime, ErrorListsThreePlacesAndNothingReplacesTheVariable) {
  setenv("NOPOS_TORCH_ROOT", (folder / "gone").c_str(), 1);
  const std::string message = refusal();
  for (const char* part : {"NOPOS_TORCH_ROOT (", "gone): there is no lib/libc10.so", "the installation (",
                           "/nopos/torch): ", "the configuration ("}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << '\n' << message;
  }
}

TEST_F(TorchRuntime, VersionIsReadWithoutLoading) {
  const fs::path wheel = make_root(folder / "wheel", "2.12.3");
  const fs::path plain = make_root(folder / "plain", "");
  test::write_file(plain / "build-version", "2.13.1+cpu\n");
  const fs::path headers = make_root(folder / "headers", "");
  fs::create_directories(headers / "include/torch/headeronly");
  test::write_file(
      headers / "include/torch/headeronly/version.h",
      "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 14\n#define TORCH_VERSION_PATCH 0\n");
  for (const auto& [root, version] : {std::pair(wheel, "2.12.3"), {plain, "2.13.1"}, {headers, "2.14.0"}}) {
    setenv("NOPOS_TORCH_ROOT", root.c_str(), 1);
    EXPECT_EQ(torch_roots().front().version, version);
  }
}

}  // namespace
}  // namespace nopos::registry
