#include "nopos/mapped_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "command.h"
#include "nopos/files.h"

namespace nopos {
namespace {

class MappedFiles : public testing::Test {
 protected:
  MappedFiles() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    test::write_file(path, std::string(3 * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), 'x'));
  }

  test::TemporaryFolder folder;
  std::filesystem::path path = folder / "valid.bin";
};

using MappedFilesDeathTest = MappedFiles;

TEST_F(MappedFilesDeathTest, NameAFileThatIsCutWhileItIsRead) {
  const auto read_what_is_gone = [&](std::uintmax_t rest) {
    explain_cut_files();
    const MappedFile file(path);
    std::filesystem::resize_file(path, rest);
    std::size_t sum = 0;
    for (const char c : file.bytes()) sum += static_cast<unsigned char>(c);
    std::exit(sum > 0 ? 0 : 1);
  };
  const std::string says = "cannot read .*valid.bin: it was truncated";
  EXPECT_EXIT(read_what_is_gone(0), testing::ExitedWithCode(8), says);
  EXPECT_EXIT(read_what_is_gone(static_cast<std::uintmax_t>(sysconf(_SC_PAGESIZE)) + 1),
              testing::ExitedWithCode(8), says);
}

// Where the system itself reads the bytes to write them, there is no signal, but an address that is none.
TEST_F(MappedFilesDeathTest, NameAFileThatIsCutWhileItIsCopied) {
  test::write_file(path, std::string(std::size_t{1} << 20, 'x'));
  EXPECT_EXIT(
      {
        const MappedFile file(path);
        std::filesystem::resize_file(path, std::size_t{1} << 19);
        NewFile copy(folder / "copy");
        copy.append(file.bytes());
      },
      testing::ExitedWithCode(8), "cannot read .*valid.bin: it was truncated");
}

TEST_F(MappedFilesDeathTest, LeaveOtherBusErrorsToTheSystem) {
  EXPECT_EXIT(
      {
        explain_cut_files();
        const MappedFile file(path);
        std::raise(SIGBUS);
      },
      testing::KilledBySignal(SIGBUS), "^$");
}

TEST_F(MappedFiles, KnowWhereAFileLiesWhileItIsMapped) {
  const char* inside = nullptr;
  {
    const MappedFile file(path);
    inside = file.bytes().data() + file.bytes().size() - 1;
    EXPECT_EQ(mapped_file_at(inside), path.string());
    EXPECT_EQ(mapped_file_at(inside + 1), nullptr);
    EXPECT_EQ(mapped_file_at(nullptr), nullptr);
  }
  EXPECT_EQ(mapped_file_at(inside), nullptr);
}

}  // namespace
}  // namespace nopos
