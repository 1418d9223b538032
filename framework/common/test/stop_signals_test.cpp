#include "stop_signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace nopos {
namespace {

/// Each in a process of its own: what is caught stays caught.
class StopSignalsDeathTest : public testing::Test {
 protected:
  StopSignalsDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

/// Sends `signals`, then tells by the exit code whether the run is asked to stop, for the first one's sake.
[[noreturn]] void after(const std::vector<int>& signals, const char* name) {
  const StopRequest& stop = catch_stop_signals();
  for (const int signal : signals) std::raise(signal);
  std::_Exit(stop.received() == (*name != '\0') && stop.name() == name ? 0 : 1);
}

TEST_F(StopSignalsDeathTest, AreNotedAndWaitedFor) {
  const auto zero = testing::ExitedWithCode(0);
  EXPECT_EXIT(after({}, ""), zero, "");
  EXPECT_EXIT(after({SIGINT}, "SIGINT"), zero, "");
  EXPECT_EXIT(after({SIGTERM}, "SIGTERM"), zero, "");
  EXPECT_EXIT(after({SIGHUP}, "SIGHUP"), zero, "");
  EXPECT_EXIT(after({SIGUSR1}, "SIGUSR1"), zero, "");
  EXPECT_EXIT(after({SIGUSR2}, "SIGUSR2"), zero, "");
  EXPECT_EXIT(after({SIGALRM}, "SIGALRM"), zero, "");
  EXPECT_EXIT(after({SIGXCPU}, "SIGXCPU"), zero, "");
}

TEST_F(StopSignalsDeathTest, SentAgainChangeNothing) {
  const auto zero = testing::ExitedWithCode(0);
  EXPECT_EXIT(after({SIGTERM, SIGTERM, SIGTERM}, "SIGTERM"), zero, "");
  EXPECT_EXIT(after({SIGXCPU, SIGXCPU, SIGTERM, SIGHUP}, "SIGXCPU"), zero, "");
  EXPECT_EXIT(after({SIGTERM, SIGINT}, "SIGTERM"), zero, "");
  EXPECT_EXIT(after({SIGINT, SIGINT}, "SIGINT"), zero, "");  // one keystroke, delivered twice
}

TEST_F(StopSignalsDeathTest, OnlyASecondInterruptEndsAtOnce) {
  EXPECT_EXIT(
      {
        catch_stop_signals();
        std::raise(SIGINT);
        usleep(600'000);
        std::raise(SIGTERM);
        std::raise(SIGINT);
        std::_Exit(0);
      },
      testing::KilledBySignal(SIGINT), "");
}

TEST_F(StopSignalsDeathTest, AHangUpStaysIgnoredUnderNohup) {
  EXPECT_EXIT(
      {
        std::signal(SIGHUP, SIG_IGN);
        after({SIGHUP}, "");
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(StopSignalsDeathTest, QuitIsTheSystems) {
  EXPECT_EXIT(after({SIGQUIT}, ""), testing::KilledBySignal(SIGQUIT), "");
}

}  // namespace
}  // namespace nopos
