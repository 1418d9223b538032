#include "stop_signals.h"

#include <csignal>
#include <ctime>

#include <cerrno>

namespace nopos {
namespace {

struct Stopping {
  int signal;
  const char* name;
};
constexpr Stopping stopping[] = {{SIGINT, "SIGINT"},   {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"},
                                 {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGALRM, "SIGALRM"},
                                 {SIGXCPU, "SIGXCPU"}};
constexpr std::int64_t one_keystroke = 500'000'000;  // nanoseconds within which SIGINT may come twice

static_assert(std::atomic<int>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free);
StopRequest request;
std::atomic<std::int64_t> first_interrupt = 0;

void on_interrupt() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  const std::int64_t now = std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  std::int64_t first = 0;
  if (first_interrupt.compare_exchange_strong(first, now) || now - first < one_keystroke) return;
  std::signal(SIGINT, SIG_DFL);
  std::raise(SIGINT);
}

void on_signal(int signal) {
  const int before = errno;
  if (signal == SIGINT) on_interrupt();
  request.note(signal);
  errno = before;
}

}  // namespace

void StopRequest::note(int signal) {
  int none = 0;
  signal_.compare_exchange_strong(none, signal);
}

std::string StopRequest::name() const {
  for (const Stopping& one : stopping) {
    if (one.signal == signal_) return one.name;
  }
  return {};
}

const StopRequest& catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const Stopping& one : stopping) {
    struct sigaction before {};
    const bool ignored = sigaction(one.signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN;
    if (one.signal == SIGHUP && ignored) continue;  // nohup
    sigaction(one.signal, &action, nullptr);
  }
  return request;
}

}  // namespace nopos
