// The long form of preprocess_stopped_test.cpp, and text of unusual size.
#include <gtest/gtest.h>

#include <algorithm>

#include "stopped_preprocess.h"

namespace nopos::test {
namespace {

TEST_F(PreprocessStopped, KilledAtTwentyMomentsItLeavesNothingThatLooksWhole) {
  kill_at_random_moments(20);
  EXPECT_GT(not_whole, 0);
}

TEST_F(PreprocessStopped, ALineOfAHundredMegabytesIsALine) {
  std::string text;
  for (int i = 0; text.size() < 100'000'000; ++i) text.append(std::to_string(i % 5000)).append(" ");
  const auto words = static_cast<std::size_t>(std::count(text.begin(), text.end(), ' '));
  write_file(folder / "text", text + "\nend\n");
  fs::remove_all(folder / "bin");
  const CommandResult result = run(command(false));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find(": 2 sents, " + std::to_string(words + 3) + " tokens"), std::string::npos)
      << result.out;
}

}  // namespace
}  // namespace nopos::test
