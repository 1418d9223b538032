// What grows where there is no room: it ends with a whole record, says so once, and the run goes on.
#include "append_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>

#include "nopos/error.h"
#include "toy_run.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;
using test::read_file, test::TemporaryFolder, test::write_file;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t times = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++times;
  return times;
}

TEST(AppendFile, AppendsAndMakesItsFolder) {
  const TemporaryFolder folder;
  for (const char* record : {"one\n", "two\n"}) EXPECT_TRUE(AppendFile(folder / "a/b.log").append(record));
  EXPECT_EQ(read_file(folder / "a/b.log"), "one\ntwo\n");
}

TEST(AppendFile, EndsWithAWholeRecordAndSaysItOnce) {
  const TemporaryFolder folder;
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  testing::internal::CaptureStderr();
  const std::string record = std::string(98, 'x') + "\n";
  {
    AppendFile file(folder / "log");
    for (int i = 0; i < 20; ++i) EXPECT_EQ(file.append(record), i < 10) << i;
  }
  const std::string said = testing::internal::GetCapturedStderr();
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(said, "nopos-host: cannot write " + (folder / "log").string() +
                      ": File too large; the run continues without this output.\n");
  EXPECT_EQ(read_file(folder / "log").size(), 990u);
}

TEST(AppendFile, WaitsForNobodyWhoReadsAPipe) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  try {
    AppendFile(folder / "fifo");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::runtime);
    EXPECT_EQ(error.what(),
              "cannot write " + (folder / "fifo").string() + ": no program is reading this pipe (FIFO)");
  }
}

TEST(FullDisk, ALogFileIsLostWithAWordAndTheRunIsNot) {
  const TemporaryFolder folder;
  const test::CommandResult result =
      test::train(folder.path(), test::flags_tiny() +
                                     " --optimizer adam --lr 0.001 --max-update 3"
                                     " --disable-validation --log-file /dev/full");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(
      count(result.err, "cannot write /dev/full: No space left on device; the run continues without this output"), 1u)
      << result.err;
  EXPECT_TRUE(fs::exists(folder / "checkpoints/checkpoint_last.pt"));
  EXPECT_NE(result.out.find("done training"), std::string::npos);
}

}  // namespace
}  // namespace nopos
