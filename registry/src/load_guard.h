#pragma once
/// While a plugin's own code runs for the first time: names the plugin where it brings the process down.

#include <signal.h>

#include <array>
#include <exception>
#include <filesystem>

namespace nopos::registry {

/// An exception in a static initialiser and a crash cannot be survived, but they can be explained: the
/// process ends with exit code 6 (runtime) and a sentence on stderr. One at a time, from one thread.
class LoadGuard {
 public:
  explicit LoadGuard(const std::filesystem::path& library);
  ~LoadGuard();
  LoadGuard(const LoadGuard&) = delete;
  LoadGuard& operator=(const LoadGuard&) = delete;

 private:
  static constexpr std::array signals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  std::array<struct sigaction, signals.size()> before_{};
  std::terminate_handler terminate_before_;
};

}  // namespace nopos::registry
