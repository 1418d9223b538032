/// tools/setup finds LibTorch or fetches it, and repairs what broke; small wheels in a folder stand for the
/// index.
#include <gtest/gtest.h>
#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>

#include "command.h"

namespace {

namespace fs = std::filesystem;
using nopos::test::CommandResult;
using nopos::test::read_file;
using nopos::test::write_file;

class SetupTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(project / "tools");
    fs::create_directories(wheels);
    fs::create_directories(python);
    fs::copy_file(NOPOS_SOURCE_DIR "/tools/setup", project / "tools/setup");
    utsname machine{};
    uname(&machine);
    const CommandResult made = nopos::test::run(
        {"python3", NOPOS_SOURCE_DIR "/tests/tools/make_wheels.py", wheels, machine.machine});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }

  CommandResult setup(const std::string& torch_root = "") {
    return nopos::test::run({"bash", project / "tools/setup", "--libtorch"},
                            {.environment = {{"NOPOS_TORCH_ROOT", torch_root},
                                             {"PIP_NO_INDEX", "1"},
                                             {"PIP_FIND_LINKS", wheels},
                                             {"PYTHONPATH", python}},
                             .directory = folder.path()});
  }

  /// A folder that looks like a LibTorch of that version.
  static void make_torch(const fs::path& root, int major, int minor) {
    fs::create_directories(root / "lib");
    fs::create_directories(root / "include/ATen");
    fs::create_directories(root / "include/torch/headeronly");
    write_file(root / "__init__.py", "raise ImportError('setup must not import torch')\n");
    write_file(root / "lib/libtorch_cpu.so", "library");
    write_file(root / "include/ATen/ATen.h", "// header\n");
    std::ostringstream version;
    version << "#define TORCH_VERSION_MAJOR " << major << "\n#define TORCH_VERSION_MINOR " << minor
            << "\n#define TORCH_VERSION_PATCH 1\n";
    write_file(root / "include/torch/headeronly/version.h", version.str());
  }

  void expect_complete() const {
    EXPECT_EQ(fs::file_size(project / ".deps/torch/lib/libtorch_cpu.so"), 512u);
    EXPECT_TRUE(fs::exists(project / ".deps/nvidia/cu13/lib/libcudart.so.13"));
    EXPECT_TRUE(fs::exists(project / ".deps/nvidia/cu13/lib/libcupti.so.13"));
    EXPECT_FALSE(fs::exists(project / ".deps/unpacking"));
    EXPECT_FALSE(fs::exists(project / ".deps/download"));
  }

  nopos::test::TemporaryFolder folder;
  const fs::path project = folder / "project", wheels = folder / "wheels", python = folder / "python";
};

TEST_F(SetupTest, FetchesOnceAndSaysWhatItFound) {
  const CommandResult first = setup();
  ASSERT_EQ(first.exit_code, 0) << first.err;
  expect_complete();
  const CommandResult second = setup();
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(second.out, "setup: LibTorch: 2.11.0 is in .deps/torch\n");
}

TEST_F(SetupTest, BrokenDownloadIsNotTakenForCompleteAndTheNextRunRepairsIt) {
  const fs::path wheel = *std::find_if(fs::directory_iterator(wheels), {}, [](const auto& entry) {
    return entry.path().filename().string().starts_with("torch-");
  });
  const std::string bytes = read_file(wheel);
  write_file(wheel, bytes.substr(0, bytes.size() / 2));
  const CommandResult broken = setup();
  EXPECT_NE(broken.exit_code, 0);
  EXPECT_NE(broken.err.find("run tools/setup again"), std::string::npos) << broken.err;
  EXPECT_FALSE(fs::exists(project / ".deps/torch"));

  write_file(wheel, bytes);
  const CommandResult repaired = setup();
  ASSERT_EQ(repaired.exit_code, 0) << repaired.err;
  expect_complete();
}

TEST_F(SetupTest, InterruptedUnpackingIsStartedAfresh) {
  fs::create_directories(project / ".deps/unpacking/torch/lib");
  write_file(project / ".deps/unpacking/torch/lib/libtorch_cpu.so", "half");
  const CommandResult result = setup();
  ASSERT_EQ(result.exit_code, 0) << result.err;
  expect_complete();
}

TEST_F(SetupTest, DamageIsNamedAndRepaired) {
  ASSERT_EQ(setup().exit_code, 0);
  for (const std::string file : {"torch/lib/libtorch_cpu.so", "nvidia/cu13/lib/libcudart.so.13"}) {
    fs::resize_file(project / ".deps" / file, 3);
    const CommandResult result = setup();
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.err.find(file + " is missing or truncated"), std::string::npos) << result.err;
    expect_complete();
  }
}

TEST_F(SetupTest, TakesPythonsTorchInRangeAndSkipsAnother) {
  make_torch(python / "torch", 2, 15);
  const CommandResult taken = setup();
  EXPECT_EQ(taken.out, "setup: LibTorch: 2.15.1 from python3, " + (python / "torch").string() + "\n")
      << taken.err;
  EXPECT_FALSE(fs::exists(project / ".deps"));

  make_torch(python / "torch", 1, 13);
  const CommandResult fetched = setup();
  ASSERT_EQ(fetched.exit_code, 0) << fetched.err;
  EXPECT_NE(fetched.out.find("(1.13.1) is not 2.11 to 2.15; not used"), std::string::npos) << fetched.out;
  expect_complete();
}

TEST_F(SetupTest, NamedRootIsTakenOrRefusedNeverReplaced) {
  const fs::path root = folder / "libtorch";
  make_torch(root, 2, 12);
  EXPECT_EQ(setup(root).out, "setup: LibTorch: 2.12.1 from NOPOS_TORCH_ROOT, " + root.string() + "\n");
  make_torch(root, 2, 16);
  const CommandResult newer = setup(root);
  EXPECT_EQ(newer.exit_code, 1);
  EXPECT_EQ(newer.err,
            "setup: NOPOS_TORCH_ROOT=" + root.string() + " is LibTorch 2.16.1; NoPos accepts 2.11 to 2.15\n");
  fs::remove_all(root);
  EXPECT_EQ(setup(root).exit_code, 1);
  EXPECT_FALSE(fs::exists(project / ".deps"));
}

TEST_F(SetupTest, CMakeRefusesAVersionOutsideTheRange) {
  const fs::path root = folder / "libtorch", consumer = folder / "consumer";
  make_torch(root, 1, 13);
  fs::create_directories(consumer);
  write_file(consumer / "CMakeLists.txt",
             "cmake_minimum_required(VERSION 3.25)\nproject(consumer LANGUAGES NONE)\n"
             "list(PREPEND CMAKE_MODULE_PATH \"" NOPOS_SOURCE_DIR
             "/cmake\")\nfind_package(LibTorch REQUIRED)\n");
  const CommandResult result =
      nopos::test::run({"cmake", "-G", "Ninja", "-S", consumer, "-B", consumer / "build"},
                       {.environment = {{"NOPOS_TORCH_ROOT", root}}});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_NE(result.err.find("LibTorch 1.13.1, but NoPos accepts 2.11 to 2.15"), std::string::npos)
      << result.err;
}

}  // namespace
