#pragma once
/// How far a long command has come, on a terminal.

#include <chrono>
#include <cstdint>
#include <string>

#include "live_line.h"

namespace nopos::host {

/// Bytes of how many, as a live line; nothing where standard error is no terminal.
class ProgressBar {
 public:
  /// `total` 0: not known. Draws at most ten times a second.
  void show(const std::string& label, std::uint64_t bytes, std::uint64_t total);
  /// Takes the line away, before something else is written.
  void clear();

 private:
  LiveLine line_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now(), last_;
};

}  // namespace nopos::host
