#include "run_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "command.h"
#include "folder_names.h"
#include "nopos/error.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;
using test::names_in, test::read_file, test::TemporaryFolder, test::write_file;
using Names = std::vector<std::string>;

RunLock::Place place(const fs::path& folder) { return RunLock::on_folder(folder, "give another --save-dir"); }

/// The exit code and message of a lock that is refused; nothing where it is not.
std::string refusal(const RunLock::Place& at) {
  try {
    const RunLock lock(at, "train");
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code())) + ": " + error.what();
  }
  return {};
}

std::string host_name() {
  char name[256] = {};
  gethostname(name, sizeof(name) - 1);
  return name;
}

/// A process that has the lock until it is killed.
class Holder {
 public:
  explicit Holder(const fs::path& folder) {
    int ready[2];
    if (pipe(ready) != 0) std::abort();
    process = fork();
    if (process == 0) {
      const RunLock lock(place(folder), "train");
      if (write(ready[1], "x", 1) != 1) _exit(1);
      for (;;) pause();
    }
    char byte;
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
  }
  ~Holder() { kill(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  void kill() {
    if (process <= 0) return;
    ::kill(process, SIGKILL);
    waitpid(process, nullptr, 0);
    process = 0;
  }

  pid_t process = 0;
};

void let_untouched_for(const fs::path& file, std::chrono::seconds age) {
  const auto then = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() - age);
  const timespec times[] = {{then, 0}, {then, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
}

const std::string elsewhere =
    "process 4711\nstart 99\nboot another\nhost elsewhere\nsince 2026-11-28 10:00:00 +0000\ncommand train\n";

TEST(RunLock, LeavesNothing) {
  const TemporaryFolder folder;
  { const RunLock lock(place(folder / "new/folder"), "train"); }
  EXPECT_EQ(names_in(folder / "new"), Names{});
  {
    const RunLock lock(place(folder / "other"), "train");
    write_file(folder / "other/checkpoint", "x");
  }
  EXPECT_EQ(names_in(folder / "other"), Names{"checkpoint"});
}

TEST(RunLock, ASecondRunIsRefusedAndToldOfTheFirst) {
  const TemporaryFolder folder;
  const Holder holder(folder.path());
  const fs::path file = folder / ".nopos-lock";
  const std::string before = read_file(file);
  const auto time = fs::last_write_time(file);
  const std::string message = refusal(place(folder.path()));
  EXPECT_TRUE(message.starts_with("6: " + folder.path().string() + " is in use: process " +
                                  std::to_string(holder.process) + " (nopos-host train) on host " +
                                  host_name() + ", since 20"))
      << message;
  EXPECT_TRUE(message.ends_with(
      ", is using it. Nothing was changed; wait until it has ended, or give another --save-dir."))
      << message;
  EXPECT_EQ(read_file(file), before);
  EXPECT_EQ(fs::last_write_time(file), time);
  EXPECT_EQ(names_in(folder.path()), Names{".nopos-lock"});
}

TEST(RunLock, IsTakenOverWhenItsHolderWasKilled) {
  const TemporaryFolder folder;
  Holder holder(folder.path());
  holder.kill();
  EXPECT_EQ(names_in(folder.path()), Names{".nopos-lock"});
  EXPECT_EQ(refusal(place(folder.path())), "");
  EXPECT_EQ(names_in(folder.path()), Names{});
}

TEST(RunLock, IsTakenOverFromThisHostBeforeItWasStartedAgain) {
  const TemporaryFolder folder;
  write_file(folder / ".nopos-lock", "process 1\nstart 1\nboot another\nhost " + host_name() + "\n");
  EXPECT_EQ(refusal(place(folder.path())), "");
}

TEST(RunLock, OfAnotherHostEndsWhenNobodyHasTouchedItForLong) {
  const TemporaryFolder folder;
  write_file(folder / ".nopos-lock", elsewhere);
  let_untouched_for(folder / ".nopos-lock", std::chrono::minutes(6));
  EXPECT_EQ(refusal(place(folder.path())), "");
}

TEST(RunLock, OfAnotherHostHoldsWhileItIsTouched) {
  const TemporaryFolder folder;
  const fs::path file = folder / ".nopos-lock";
  write_file(file, elsewhere);
  std::atomic<bool> done = false;
  std::thread other([&] {
    while (!done) {
      fs::last_write_time(file, fs::file_time_type::clock::now());
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  const std::string message = refusal(place(folder.path()));
  done = true;
  other.join();
  EXPECT_NE(message.find("is in use: process 4711 (nopos-host train) on host elsewhere, since 2026-11-28"),
            std::string::npos)
      << message;
  EXPECT_EQ(read_file(file), elsewhere);
}

TEST(RunLock, FilesOfOneFolderAreLockedApart) {
  const TemporaryFolder folder;
  const RunLock first(RunLock::on_file(folder / "pile_00", "give another --name"), "prepare");
  EXPECT_EQ(refusal(RunLock::on_file(folder / "pile_01", "give another --name")), "");
  const std::string message = refusal(RunLock::on_file(folder / "pile_00", "give another --name"));
  EXPECT_NE(message.find("pile_00 is in use: process " + std::to_string(getpid()) + " (nopos-host prepare)"),
            std::string::npos)
      << message;
}

TEST(RunLock, FollowsNoLinkAndWaitsForNoPipe) {
  const TemporaryFolder folder;
  write_file(folder / "victim", "dear");
  fs::create_symlink("victim", folder / ".nopos-lock");
  EXPECT_TRUE(
      refusal(place(folder.path())).starts_with("8: cannot write " + (folder / ".nopos-lock").string()));
  EXPECT_EQ(read_file(folder / "victim"), "dear");
  fs::remove(folder / ".nopos-lock");
  ASSERT_EQ(mkfifo((folder / ".nopos-lock").c_str(), 0600), 0);
  EXPECT_TRUE(
      refusal(place(folder.path())).starts_with("8: cannot write " + (folder / ".nopos-lock").string()));
}

TEST(RunLock, DamagedContentIsNoReasonToFail) {
  const TemporaryFolder folder;
  for (const std::string& content :
       {std::string(), std::string("\0\x1b[2J\nx", 7), std::string(100'000, 'x')}) {
    write_file(folder / ".nopos-lock", content);
    let_untouched_for(folder / ".nopos-lock", std::chrono::minutes(6));
    EXPECT_EQ(refusal(place(folder.path())), "") << content.size();
  }
}

}  // namespace
}  // namespace nopos
