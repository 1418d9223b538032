#include "child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <thread>
#include <utility>

#include "nopos/error.h"

namespace nopos::registry {
namespace {

constexpr char end_of_work = '\0';  // the last byte of what a child that came to its end hands over
constexpr std::size_t most_output = std::size_t{64} << 20, shown_messages = 1000, shown_of_too_many = 100;

struct Pipe {
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
      throw Error(ExitCode::runtime, std::string("no pipe: ") + std::strerror(errno));
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_end(std::size_t end) {
    if (ends[end] >= 0) close(std::exchange(ends[end], -1));
  }
  std::array<int, 2> ends{-1, -1};
};

/// What children leave behind becomes ours for as long as this lives, so that it can be ended.
class Subreaper {
 public:
  Subreaper() {
    prctl(PR_GET_CHILD_SUBREAPER, &before_);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  ~Subreaper() { prctl(PR_SET_CHILD_SUBREAPER, before_); }
  Subreaper(const Subreaper&) = delete;
  Subreaper& operator=(const Subreaper&) = delete;

  /// Ends every process that is left of `session`, and then every other child.
  static void end_all(pid_t session) {
    kill(-session, SIGKILL);
    for (int round = 0; round < 1000; ++round) {
      for (const pid_t child : children()) kill(child, SIGKILL);
      pid_t ended = 0;
      while ((ended = waitpid(-1, nullptr, WNOHANG)) > 0) {
      }
      if (ended < 0) return;  // no child is left
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  static std::vector<pid_t> children() {
    std::vector<pid_t> found;
    std::ifstream list("/proc/thread-self/children");
    for (pid_t child = 0; list >> child;) found.push_back(child);
    return found;
  }
  int before_ = 0;
};

void write_all(int descriptor, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t written = write(descriptor, text.data() + at, text.size() - at);
    if (written < 0 && errno != EINTR) return;
    if (written > 0) at += static_cast<std::size_t>(written);
  }
}

void limit_memory(std::uint64_t beyond) {
  std::ifstream sizes("/proc/self/statm");  // pages: size, resident, shared, text, 0, data
  std::uint64_t data = 0;
  for (int field = 0; field < 6; ++field) sizes >> data;
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const rlimit limit{data * page + beyond, data * page + beyond};
  if (sizes) setrlimit(RLIMIT_DATA, &limit);
}

[[noreturn]] void child(const std::function<std::string()>& work, int output, int messages,
                        const ChildLimits& limits) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  if (limits.memory) limit_memory(*limits.memory);
  if (const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC); nothing >= 0) dup2(nothing, STDIN_FILENO);
  dup2(messages, STDOUT_FILENO);
  dup2(messages, STDERR_FILENO);
  try {
    write_all(output, work() + end_of_work);
    _exit(0);
  } catch (const std::exception& error) {
    write_all(messages, error.what());
  } catch (...) {
    write_all(messages, "an exception of an unknown type");
  }
  _exit(static_cast<int>(ExitCode::runtime));
}

/// A child at work: what it hands over and says, and how it ends.
class Watch {
 public:
  Watch(pid_t process, int output, int messages, const ChildLimits& limits)
      : process_(process), limits_(limits), polled_{pollfd{output, POLLIN, 0}, pollfd{messages, POLLIN, 0}} {}

  /// Until it has ended, or must be. Other processes may hold its pipes open: they are not waited for.
  void wait_for_end() {
    const auto end = std::chrono::steady_clock::now() + limits_.time;
    while (too_much_.empty()) {
      const bool open = read_what_is_there();
      if (open ? waitpid(process_, &status_, WNOHANG) == process_ : wait_a_moment()) {
        read_what_is_there();
        return;
      }
      if (std::chrono::steady_clock::now() > end)
        too_much_ = "did not answer within " + std::to_string(limits_.time.count()) + " s";
    }
    kill(process_, SIGKILL);
    while (waitpid(process_, &status_, 0) < 0 && errno == EINTR) {
    }
  }

  ChildResult result() {
    if (too_much_.empty() && WIFEXITED(status_) && WEXITSTATUS(status_) == 0 &&
        text_[0].ends_with(end_of_work)) {
      text_[0].pop_back();
      return {std::move(text_[0]), {}};
    }
    std::string& said = text_[1];
    while (!said.empty() && (said.back() == '\n' || said.back() == end_of_work)) said.pop_back();
    const std::size_t shown = too_much_.empty() ? shown_messages : shown_of_too_many;
    if (said.size() > shown) said = "... " + said.substr(said.size() - shown);
    const bool told = too_much_.empty() && WIFEXITED(status_) &&
                      WEXITSTATUS(status_) == static_cast<int>(ExitCode::runtime);
    if (told && !said.empty()) return {{}, said};
    return {{}, (too_much_.empty() ? how_it_ended() : too_much_) + (said.empty() ? "" : ": " + said)};
  }

 private:
  /// -> false where both pipes are closed
  bool read_what_is_there() {
    bool open = false;
    poll(polled_.data(), polled_.size(), 20);
    for (std::size_t i = 0; i < polled_.size(); ++i) {
      std::array<char, 65536> buffer;
      while (polled_[i].fd >= 0) {
        const ssize_t bytes = read(polled_[i].fd, buffer.data(), buffer.size());
        if (bytes < 0 && errno != EINTR) break;
        if (bytes == 0) polled_[i].fd = -1;  // poll() passes over negative descriptors
        if (bytes > 0) text_[i].append(buffer.data(), static_cast<std::size_t>(bytes));
        const std::size_t most = i == 0 ? most_output : limits_.messages;
        if (text_[i].size() > most) {
          too_much_ = "wrote more than " + std::to_string(most >> 10) + " KiB";
          return open;
        }
      }
      open = open || polled_[i].fd >= 0;
    }
    return open;
  }

  /// A child without its pipes can only be ending. -> whether it has
  bool wait_a_moment() {
    if (waitpid(process_, &status_, WNOHANG) == process_) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return false;
  }

  std::string how_it_ended() const {
    if (WIFSIGNALED(status_)) {
      return std::string("ended by signal ") + std::to_string(WTERMSIG(status_)) + " (" +
             strsignal(WTERMSIG(status_)) + ")";
    }
    return "ended with exit code " + std::to_string(WEXITSTATUS(status_)) + " before it had finished";
  }

  pid_t process_;
  const ChildLimits& limits_;
  std::array<pollfd, 2> polled_;
  std::array<std::string, 2> text_;  // handed over, said
  std::string too_much_;
  int status_ = 0;
};

}  // namespace

ChildResult run_in_child(const std::function<std::string()>& work, const ChildLimits& limits) {
  Pipe output, messages;
  const Subreaper subreaper;
  const pid_t process = fork();
  if (process < 0) throw Error(ExitCode::runtime, std::string("no child process: ") + std::strerror(errno));
  if (process == 0) child(work, output.ends[1], messages.ends[1], limits);
  output.close_end(1);
  messages.close_end(1);
  Watch watch(process, output.ends[0], messages.ends[0], limits);
  watch.wait_for_end();
  Subreaper::end_all(process);
  return watch.result();
}

}  // namespace nopos::registry
