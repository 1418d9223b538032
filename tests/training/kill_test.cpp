// A run that saves after every update is killed at random moments, in training or in a save, and started
// again: it ends with the numbers of a run that nobody disturbed. NOPOS_KILLS says how often.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "equal_tensors.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* save_dir = "checkpoints";

std::string flags() {
  return flags_tiny() +
         " --dropout 0.1 --optimizer adam --lr 0.002 --lr-scheduler inverse_sqrt --warmup-updates 10"
         " --decoder-layers 2 --seed 3 --save-interval-updates 1 --keep-interval-updates 2"
         " --keep-best-checkpoints 2 --log-format none --threads 1 --max-update 70 --save-dir " +
         save_dir;
}

/// Runs `command` in `folder` and kills it `seconds` after its first checkpoint is there.
/// Returns whether it was still running.
bool killed(const std::vector<std::string>& command, const fs::path& folder, double seconds) {
  std::vector<std::string> words{
      "bash", "-c",
      "file=$1; shift; \"$@\" > /dev/null & "
      "while [ ! -e $file ] && kill -0 $! 2> /dev/null; do sleep 0.005; done; sleep " +
          std::to_string(seconds) + "; kill -KILL $! 2> /dev/null; wait $!; test $? = 137",
      "bash", std::string(save_dir) + "/checkpoint_last.pt"};
  words.insert(words.end(), command.begin(), command.end());
  return run(words, {.directory = folder}).exit_code == 0;
}

TEST(Killed, TheRunGoesOnFromACompleteCheckpointToTheSameEnd) {
  const char* kills = std::getenv("NOPOS_KILLS");
  const int rounds = kills == nullptr ? 3 : std::atoi(kills);
  const TemporaryFolder whole;
  ASSERT_EQ(train(whole.path(), flags()).exit_code, 0);
  const std::vector<std::string> command = words(host + " train " + toy_data().string() + " " + flags());

  std::mt19937 random(20261125);
  double longest = 2;  // seconds from the first checkpoint to a kill
  int hits = 0, unfinished = 0;
  for (int tries = 0; hits < rounds && tries < 4 * rounds; ++tries) {
    const TemporaryFolder folder;
    const double seconds = longest * static_cast<double>(random()) / static_cast<double>(random.max());
    if (!killed(command, folder.path(), seconds)) {
      longest = std::max(0.05, seconds);  // it had ended before
      continue;
    }
    ++hits;
    for (const auto& file : fs::directory_iterator(folder / save_dir)) {
      unfinished += file.path().extension() == ".tmp" ? 1 : 0;
    }
    const CommandResult resumed = train(folder.path(), flags());
    ASSERT_EQ(resumed.exit_code, 0) << resumed.out << resumed.err;
    expect_equal_tensors(whole / "checkpoints/checkpoint_last.pt", folder / "checkpoints/checkpoint_last.pt");
    for (const auto& file : fs::directory_iterator(folder / save_dir)) {
      EXPECT_NE(file.path().extension(), ".tmp") << file.path();
    }
  }
  EXPECT_EQ(hits, rounds);
  RecordProperty("kills_in_a_save", unfinished);
}

}  // namespace
}  // namespace nopos::test
