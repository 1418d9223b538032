#include "child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "nopos/error.h"

namespace nopos::registry {
namespace {

struct Pipe {
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
      throw Error(ExitCode::runtime, std::string("no pipe: ") + std::strerror(errno));
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

void write_all(int descriptor, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t written = write(descriptor, text.data() + at, text.size() - at);
    if (written < 0 && errno != EINTR) return;
    if (written > 0) at += static_cast<std::size_t>(written);
  }
}

[[noreturn]] void child(const std::function<std::string()>& work, int output, int messages) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  dup2(messages, STDOUT_FILENO);
  dup2(messages, STDERR_FILENO);
  try {
    write_all(output, work());
    _exit(0);
  } catch (const std::exception& error) {
    write_all(messages, error.what());
    _exit(static_cast<int>(ExitCode::runtime));
  }
}

// Reads both pipes until the child closes them. -> false where the limit passed first.
bool collect(const std::array<int, 2>& from, const std::array<std::string*, 2>& into,
             std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  std::array<pollfd, 2> polled{pollfd{from[0], POLLIN, 0}, pollfd{from[1], POLLIN, 0}};
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    if (poll(polled.data(), polled.size(), static_cast<int>(left.count())) < 0 && errno != EINTR)
      return false;
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].fd < 0 || polled[i].revents == 0) continue;
      std::array<char, 4096> buffer;
      const ssize_t bytes = read(polled[i].fd, buffer.data(), buffer.size());
      if (bytes > 0) {
        into[i]->append(buffer.data(), static_cast<std::size_t>(bytes));
      } else {
        polled[i].fd = -1;  // poll() passes over negative descriptors
      }
    }
  }
  return true;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    return std::string("ended by signal ") + std::to_string(WTERMSIG(status)) + " (" +
           strsignal(WTERMSIG(status)) + ")";
  }
  return "ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

ChildResult run_in_child(const std::function<std::string()>& work, std::chrono::seconds limit) {
  Pipe output, messages;
  const pid_t process = fork();
  if (process < 0) throw Error(ExitCode::runtime, std::string("no child process: ") + std::strerror(errno));
  if (process == 0) child(work, output.ends[1], messages.ends[1]);
  output.close_end(1);
  messages.close_end(1);
  ChildResult result;
  std::string said;
  const bool in_time = collect({output.ends[0], messages.ends[0]}, {&result.output, &said}, limit);
  if (!in_time) kill(process, SIGKILL);
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  if (in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0) return result;
  while (!said.empty() && said.back() == '\n') said.pop_back();
  const bool told =
      in_time && WIFEXITED(status) && WEXITSTATUS(status) == static_cast<int>(ExitCode::runtime);
  const std::string end =
      in_time ? how_it_ended(status) : "did not answer within " + std::to_string(limit.count()) + " s";
  result.failure = told && !said.empty() ? said : end + (said.empty() ? "" : ": " + said);
  return result;
}

}  // namespace nopos::registry
