#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace nopos::test {
namespace {

/// Makes `descriptor` what `stream` says; in the child.
void set_stream(int descriptor, Stream stream, const std::string& file) {
  const bool input = descriptor == STDIN_FILENO;
  int source = -1;
  switch (stream) {
    case Stream::closed:
      close(descriptor);
      return;
    case Stream::file:
      source = input ? open("/dev/null", O_RDONLY) : open(file.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
      break;
    case Stream::full:
      source = open("/dev/full", O_RDWR);
      break;
    case Stream::broken: {
      int ends[2];
      if (pipe(ends) != 0) _exit(125);
      source = ends[input ? 0 : 1];
      close(ends[input ? 1 : 0]);
      break;
    }
  }
  if (source == descriptor) return;
  if (source < 0 || dup2(source, descriptor) < 0) _exit(125);
  close(source);
}

void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

}  // namespace

const char* name_of(Stream stream) {
  constexpr const char* names[] = {"file", "closed", "full", "broken"};
  return names[static_cast<int>(stream)];
}

Process::Process(const std::vector<std::string>& command, const CommandOptions& options,
                 std::array<Stream, 3> streams) {
  const std::string out = kept_ / "out", err = kept_ / "err";
  id_ = fork();
  if (id_ < 0) throw std::runtime_error("fork failed");
  if (id_ > 0) return;
  for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
  if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(126);
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  // closed ones last: what is opened for the others must not take their numbers
  for (const bool closing : {false, true}) {
    for (int i = 0; i < 3; ++i) {
      const Stream stream = streams[static_cast<std::size_t>(i)];
      if ((stream == Stream::closed) == closing) set_stream(i, stream, i == STDOUT_FILENO ? out : err);
    }
  }
  execvp(arguments[0], arguments.data());
  _exit(127);
}

Process::~Process() {
  if (!running()) return;
  kill(id_, SIGKILL);
  wait();
}

bool Process::running() {
  if (!ended_ && waitpid(id_, &status_, WNOHANG) == id_) ended_ = true;
  return !ended_;
}

void Process::send(int signal) const {
  if (!ended_) kill(id_, signal);
}

bool Process::catches(int signal) {
  const std::string field = "SigCgt:\t";
  for (; running(); pause()) {
    const std::string status = read_file("/proc/" + std::to_string(id_) + "/status");
    const std::size_t at = status.find(field);
    if (at == std::string::npos) continue;
    const auto mask = std::stoull(status.substr(at + field.size(), 16), nullptr, 16);
    if ((mask >> (signal - 1) & 1) != 0) return true;
  }
  return false;
}

bool Process::said(const std::string& text) {
  for (; running(); pause()) {
    if (read_file(kept_ / "out").find(text) != std::string::npos) return true;
  }
  return false;
}

CommandResult Process::wait() {
  if (!ended_) waitpid(id_, &status_, 0);
  ended_ = true;
  return {WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_), read_file(kept_ / "out"),
          read_file(kept_ / "err")};
}

}  // namespace nopos::test
