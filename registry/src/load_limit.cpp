#include "load_limit.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "nopos/error.h"
#include "nopos/options.h"

namespace nopos::registry {
namespace {

constexpr int real_seconds = 10;  // per second of processor time

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

std::chrono::seconds load_limit() {
  OptionInfo seconds;
  seconds.name = "NOPOS_PLUGIN_SECONDS";
  seconds.type = OptionType::integer;
  seconds.min = 0;
  seconds.max = 86400;
  const char* given = std::getenv(seconds.name.c_str());
  if (given == nullptr || *given == '\0') return std::chrono::seconds(2);
  const Value value = parse_value(seconds, given, "environment");
  return std::chrono::seconds(std::get<std::int64_t>(value));
}

std::chrono::seconds child_limit() {
  const std::chrono::seconds limit = load_limit();
  return limit.count() == 0 ? std::chrono::hours(24) : real_seconds * limit + std::chrono::seconds(30);
}

LoadLimit::LoadLimit(const LoadedPlugin& plugin) {
  const std::chrono::seconds limit = load_limit();
  clockid_t processor = 0;
  if (limit.count() == 0 || pthread_getcpuclockid(pthread_self(), &processor) != 0) return;
  watch_ = std::thread([this, limit, processor, name = plugin.name] {
    const auto most = static_cast<double>(limit.count());
    const double begin = seconds_of(processor), begin_real = seconds_of(CLOCK_MONOTONIC);
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, std::chrono::milliseconds(50), [this] { return over_; })) {
      const bool busy = seconds_of(processor) - begin > most;
      if (!busy && seconds_of(CLOCK_MONOTONIC) - begin_real < real_seconds * most) continue;
      const std::string text = name + ": the plugin did not finish loading and registering within " +
                               (busy ? std::to_string(limit.count()) + " s of processor time"
                                     : std::to_string(limit.count() * real_seconds) + " s") +
                               "; if it needs longer, set NOPOS_PLUGIN_SECONDS.\n";
      [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
      end_process(static_cast<int>(ExitCode::runtime));
    }
  });
}

LoadLimit::~LoadLimit() {
  if (!watch_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_one();
  watch_.join();
}

}  // namespace nopos::registry
