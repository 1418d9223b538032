#pragma once
/// Signals that ask a run to save what it has and to end.
///
/// SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM and SIGXCPU do. More of them change nothing: whoever
/// sends one twice, as `timeout` does, still gets the checkpoint. Only a second SIGINT, at least half a
/// second after the first, ends the process at once: somebody presses Ctrl-C again. SIGHUP stays ignored
/// under `nohup`. SIGQUIT and SIGKILL are left to the system.

#include <atomic>
#include <string>

namespace nopos {

class StopRequest {
 public:
  bool received() const { return signal_.load(std::memory_order_relaxed) != 0; }
  std::string name() const;  ///< of the first signal: "SIGTERM"; empty where there is none

  /// The first one counts. Safe in a signal handler.
  void note(int signal);

 private:
  std::atomic<int> signal_ = 0;
};

/// Catches the signals from now to the end of the process.
const StopRequest& catch_stop_signals();

}  // namespace nopos
