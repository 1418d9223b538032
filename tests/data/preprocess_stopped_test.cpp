// `nopos-host preprocess` that does not come to its end: killed at some moment, or on a full disk.
#include <gtest/gtest.h>

#include "stopped_preprocess.h"

namespace nopos::test {
namespace {

TEST_F(PreprocessStopped, KilledAtAFewMomentsItLeavesNothingThatLooksWhole) { kill_at_random_moments(4); }

TEST_F(PreprocessStopped, OnAFullDiskItNamesTheFile) {
  for (const int blocks : {1, 2000, 6000}) {  // of 512 bytes, for each file
    fs::remove_all(folder / "bin");
    std::string line = "trap '' XFSZ; ulimit -f " + std::to_string(blocks) + "; exec";
    for (const std::string& word : command(false)) line.append(" '").append(word).append("'");
    const CommandResult result = run({"sh", "-c", line});
    EXPECT_EQ(result.exit_code, 6) << result.out;
    EXPECT_NE(result.err.find("cannot write " + (folder / "bin/").string()), std::string::npos) << result.err;
    EXPECT_NE(result.err.find(": File too large."), std::string::npos) << result.err;
    for (const auto& entry : fs::directory_iterator(folder / "bin"))
      EXPECT_EQ(entry.path().filename(), "preprocess.log") << result.err;
  }
}

}  // namespace
}  // namespace nopos::test
