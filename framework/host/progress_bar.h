#pragma once
/// How far a long command has come, on a terminal.

#include <chrono>
#include <cstdint>
#include <string>

namespace nopos::host {

/// One line on standard error, drawn over itself; nothing where standard error is no terminal.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `total` 0: not known. Draws at most ten times a second.
  void show(const std::string& label, std::uint64_t bytes, std::uint64_t total);
  /// Takes the line away, before something else is written.
  void clear();

 private:
  bool on_terminal_, drawn_ = false;
  std::chrono::steady_clock::time_point begin_, last_;
};

}  // namespace nopos::host
