// Files that somebody cuts short while a command reads them.
#include <gtest/gtest.h>

#include "process.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

/// Trains on data that is cut after the third update, and validates every other one.
CommandResult cut_while_training(const fs::path& folder, const std::vector<std::string>& files) {
  fs::copy(toy_data(), folder / "bin");
  Process run(
      words(host + " train bin " + flags_tiny() +
            " --optimizer adam --lr 0.001 --max-update 1000000 --validate-interval-updates 2"
            " --save-interval-updates 1 --keep-interval-updates 1 --no-epoch-checkpoints --threads 1"),
      {.directory = folder});
  EXPECT_TRUE(run.said("num_updates=3,"));
  for (const std::string& file : files) fs::resize_file(folder / "bin" / file, 0);
  return run.wait();
}

TEST(CutFiles, AreNamedWithExitCode8) {
  for (const std::string file : {"train.bin", "valid.bin"}) {
    const TemporaryFolder folder;
    const CommandResult result = cut_while_training(folder.path(), {file});
    EXPECT_EQ(result.exit_code, 8) << result.out;
    EXPECT_NE(result.err.find("nopos-host: cannot read bin/" + file + ": it was truncated"),
              std::string::npos)
        << result.err;
    // the last checkpoint is whole
    EXPECT_EQ(run({host, "inspect-checkpoint", folder / "checkpoints/checkpoint_last.pt"}).exit_code, 0);
  }
}

}  // namespace
}  // namespace nopos::test
