#pragma once
/// Runs nopos-host on a file of others, and counts what that took.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "command.h"

namespace nopos::test {

inline double seconds_of_children() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/// Expects that a small file takes less than 5 seconds of a processor and 500 MB, whatever it says.
inline CommandResult run_limited(const std::vector<std::string>& command) {
  const double before = seconds_of_children();
  std::vector<std::string> limited{"sh", "-c", "ulimit -t 60; exec \"$@\"", "sh"};
  limited.insert(limited.end(), command.begin(), command.end());
  const CommandResult result = run(limited);
#ifndef __SANITIZE_ADDRESS__
  constexpr long most_kib = 500'000'000 / 1024;
  EXPECT_LT(seconds_of_children() - before, 5) << command[1];
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  EXPECT_LT(usage.ru_maxrss, most_kib) << command[1] << " or one before it";
#else
  (void)before;
#endif
  return result;
}

/// The same, of a file that must be refused with `code` and a message that holds all of `says`.
inline void expect_refusal(const std::vector<std::string>& command, int code,
                           const std::vector<std::string>& says) {
  const CommandResult result = run_limited(command);
  EXPECT_EQ(result.exit_code, code) << result.out << result.err;
  for (const std::string& one : says)
    EXPECT_NE(result.err.find(one), std::string::npos) << one << '\n' << result.err;
  EXPECT_LT(result.err.size(), 4000U);
}

inline std::string repeated(std::size_t count, const std::string& piece) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

}  // namespace nopos::test
