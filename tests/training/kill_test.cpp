// A run that saves after every update is killed, or asked to stop by a signal, at random moments, and started
// again: it ends with the numbers of a run that nobody disturbed. NOPOS_KILLS and NOPOS_SIGNALS say how
// often.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

#include "equal_tensors.h"
#include "process.h"
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

int times(const char* variable, int usual) {
  const char* given = std::getenv(variable);
  return given == nullptr ? usual : std::atoi(given);
}

TEST(Killed, TheRunGoesOnFromACompleteCheckpointToTheSameEnd) {
  const int rounds = times("NOPOS_KILLS", 3);
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

/// Every signal that saves, at moments from the first at which it is caught to the end of the process.
TEST(Signalled, TheRunSavesAndGoesOnToTheSameEnd) {
  constexpr int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU};
  const int count = times("NOPOS_SIGNALS", 7);
  const TemporaryFolder whole;
  const std::vector<std::string> command = words(host + " train " + toy_data().string() + " " + flags());
  std::chrono::duration<double> longest{};
  {
    Process run(command, {.directory = whole.path()});
    ASSERT_TRUE(run.catches(SIGTERM));
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(run.wait().exit_code, 0);
    longest = std::chrono::steady_clock::now() - begin;
  }
  std::mt19937 random(20261128);
  int saved = 0, early = 0, late = 0;
  for (int i = 0; i < count; ++i) {
    const int signal = signals[static_cast<std::size_t>(i) % std::size(signals)];
    const TemporaryFolder folder;
    Process run(command, {.directory = folder.path()});
    ASSERT_TRUE(run.catches(signal));
    std::this_thread::sleep_for(longest *
                                (static_cast<double>(random()) / static_cast<double>(random.max())));
    run.send(signal);
    if (i % 2 == 1 && signal != SIGINT) run.send(signal);  // as `timeout` does
    const CommandResult result = run.wait();
    const fs::path last = folder / save_dir / "checkpoint_last.pt";
    if (result.exit_code == 7) {
      const bool before = result.err.find("before the first update") != std::string::npos;
      EXPECT_NE(before, fs::exists(last)) << result.err;
      before ? ++early : ++saved;
    } else {
      EXPECT_EQ(result.exit_code, 0) << strsignal(signal) << "\n" << result.out << result.err;
      ++late;
    }
    const CommandResult resumed = train(folder.path(), flags());
    ASSERT_EQ(resumed.exit_code, 0) << resumed.out << resumed.err;
    expect_equal_tensors(whole / "checkpoints/checkpoint_last.pt", last);
  }
  RecordProperty("stopped_and_saved", saved);
  RecordProperty("before_the_first_update", early);
  RecordProperty("after_the_last", late);
  EXPECT_GT(saved, 0);
}

// A person at the terminal reads that it stopped, not that an epoch ended.
TEST(Signalled, TheLogSaysThatItStopped) {
  const TemporaryFolder folder;
  Process run(words(host + " train " + toy_data().string() + " " + flags_t() +
                    " --log-interval 1 --max-update 90000 --total-num-update 100000 --no-epoch-checkpoints"
                    " --disable-validation"),
              {.directory = folder.path()});
  ASSERT_TRUE(run.said("num_updates=3,"));
  run.send(SIGINT);
  const CommandResult result = run.wait();
  EXPECT_EQ(result.exit_code, 7) << result.err;
  EXPECT_NE(result.out.find("received SIGINT: saving and exiting\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("stopped in epoch "), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("stopped training after "), std::string::npos) << result.out;
  EXPECT_EQ(result.out.find("done training"), std::string::npos);
  const std::size_t received = result.out.find("received SIGINT");
  EXPECT_EQ(result.out.find("end of epoch", received), std::string::npos) << result.out;
}

// Nothing was trained, so nothing is saved: a wrong flag seen too late costs no wait.
TEST(Signalled, BeforeTheFirstUpdateTheRunEndsAtOnce) {
  for (int tries = 0; tries < 10;
       ++tries) {  // where other programs take the processor, the signal may be late
    const TemporaryFolder folder;
    Process run(words(host + " train " + toy_data().string() + " " + flags()), {.directory = folder.path()});
    ASSERT_TRUE(run.catches(SIGTERM));
    run.send(SIGTERM);
    const CommandResult result = run.wait();
    EXPECT_EQ(result.exit_code, 7);
    if (fs::exists(folder / save_dir / "checkpoint_last.pt")) continue;
    EXPECT_EQ(result.err,
              "nopos-host: stopped by SIGTERM before the first update; there was nothing to save\n");
    return;
  }
  FAIL() << "the signal was always late";
}

}  // namespace
}  // namespace nopos::test
