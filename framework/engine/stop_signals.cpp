#include "stop_signals.h"

#include <array>

namespace nopos::engine {
namespace {

constexpr std::array signals{SIGINT, SIGTERM, SIGUSR1};
constexpr std::array names{"SIGINT", "SIGTERM", "SIGUSR1"};
volatile std::sig_atomic_t last_signal = 0;

}  // namespace

StopSignals::StopSignals() {
  last_signal = 0;
  struct sigaction action {};
  action.sa_handler = [](int signal) { last_signal = signal; };
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;  // the second one has its usual effect
  for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &action, &previous_[i]);
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &previous_[i], nullptr);
}

bool StopSignals::received() const { return last_signal != 0; }

std::string StopSignals::name() const {
  for (std::size_t i = 0; i < signals.size(); ++i) {
    if (signals[i] == last_signal) return names[i];
  }
  return {};
}

}  // namespace nopos::engine
