#pragma once
/// A program that runs while the test goes on.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "command.h"

namespace nopos::test {

class Background {
 public:
  /// What it says goes to `said`.
  Background(const std::vector<std::string>& command, std::filesystem::path said) : said_(std::move(said)) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    process_ = fork();
    if (process_ != 0) return;
    const int file = open(said_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  ~Background() {
    if (process_ > 0) kill();
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  pid_t process() const { return process_; }
  std::string said() const { return read_file(said_); }

  /// Its exit code, 128 and the signal where one ended it.
  int wait() {
    int status = 0;
    waitpid(std::exchange(process_, 0), &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  /// kill -9
  void kill() {
    ::kill(process_, SIGKILL);
    wait();
  }

 private:
  std::filesystem::path said_;
  pid_t process_ = 0;
};

/// Waits until `holds`, as long as a slow machine may take.
inline bool wait_until(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace nopos::test
