#pragma once
/// `nopos-host preprocess` that does not come to its end.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "command.h"

namespace nopos::test {

namespace fs = std::filesystem;

inline const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";

class PreprocessStopped : public testing::Test {
 protected:
  PreprocessStopped() {
    std::mt19937 random(3);
    std::string text;
    for (int i = 0; i < 700'000; ++i)
      text.append(std::to_string(random() % 200'000)).append(i % 9 == 8 ? "\n" : " ");
    write_file(folder / "text", text);
    whole = seconds_of(false, std::chrono::hours(1));
    bin = read_file(folder / "bin/train.bin");
    dictionary = read_file(folder / "bin/dict.txt");
  }

  std::vector<std::string> command(bool again) const {
    std::vector<std::string> words{
        host,          "preprocess",    "--only-source", "--trainpref", folder / "text",
        "--validpref", folder / "text", "--destdir",     folder / "bin"};
    if (again) words.insert(words.end(), {"--srcdict", folder / "bin/dict.txt"});
    return words;
  }

  /// Runs the command and kills it after `limit`.
  std::chrono::duration<double> seconds_of(bool again, std::chrono::duration<double> limit) {
    const std::vector<std::string> words = command(again);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    const auto begin = std::chrono::steady_clock::now();
    pid_t child = 0;
    EXPECT_EQ(posix_spawn(&child, host.c_str(), &quiet, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&quiet);
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() - begin > limit) kill(child, SIGKILL);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return std::chrono::steady_clock::now() - begin;
  }

  /// A folder that opens holds all, and the right thing.
  void check_that_nothing_looks_whole() {
    if (fs::exists(folder / "bin/dict.txt")) {
      for (const char* name : {"train.bin", "valid.bin"})
        EXPECT_TRUE(read_file(folder / "bin" / name) == bin);
      EXPECT_TRUE(read_file(folder / "bin/dict.txt") == dictionary);
      return;
    }
    ++not_whole;  // and training says so: bad_data_test.cpp
  }

  void kill_at_random_moments(int times) {
    std::mt19937 random(std::random_device{}());
    std::uniform_real_distribution<double> share(0, 1.1);
    for (int i = 0; i < times; ++i) {
      // in turn a new folder and one that is made again from its own dictionary
      const bool again = i % 2 == 1;
      if (!again) fs::remove_all(folder / "bin");
      seconds_of(again, share(random) * whole);
      check_that_nothing_looks_whole();
      // the same command again brings everything to its end, whatever the first has left
      if (again || !fs::exists(folder / "bin/dict.txt")) seconds_of(again, std::chrono::hours(1));
      ASSERT_TRUE(read_file(folder / "bin/train.bin") == bin) << i;
      ASSERT_TRUE(read_file(folder / "bin/dict.txt") == dictionary) << i;
      std::size_t files = 0;
      for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder / "bin")) ++files;
      EXPECT_EQ(files, 7u) << "dict.txt, preprocess.json, preprocess.log, train and valid";
    }
  }

  TemporaryFolder folder;
  std::chrono::duration<double> whole{};
  std::string bin, dictionary;
  int not_whole = 0;
};

}  // namespace nopos::test
