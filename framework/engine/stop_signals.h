#pragma once
/// SIGINT, SIGTERM and SIGUSR1 ask a run to save and end. A second one ends it at once.

#include <csignal>
#include <string>

namespace nopos::engine {

/// Catches the three signals while it exists. One at a time in a process.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  bool received() const;
  std::string name() const;  ///< "SIGTERM"

 private:
  struct sigaction previous_[3] = {};
};

}  // namespace nopos::engine
