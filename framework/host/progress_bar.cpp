#include "progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "terminal.h"

namespace nopos::host {
namespace {

std::string megabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f MB", bytes / 1e6);
  return text;
}

}  // namespace

ProgressBar::ProgressBar()
    : on_terminal_(isatty(STDERR_FILENO) != 0), begin_(std::chrono::steady_clock::now()) {}

void ProgressBar::show(const std::string& label, std::uint64_t bytes, std::uint64_t total) {
  using namespace std::chrono_literals;
  const auto now = std::chrono::steady_clock::now();
  if (!on_terminal_ || now - last_ < 100ms) return;
  last_ = now;
  std::string numbers = megabytes(static_cast<double>(bytes));
  if (total > 0) numbers += " of " + megabytes(static_cast<double>(total));
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  if (seconds > 0) numbers += ", " + megabytes(static_cast<double>(bytes) / seconds) + "/s";

  constexpr int frame = 6;  // what stands around the bar
  const int width = terminal_width() - frame - static_cast<int>(label.size() + numbers.size());
  std::string bar;
  if (total > 0 && width > 8) {
    const double share = std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total));
    const auto done = static_cast<std::size_t>(share * width);
    bar.append(1, '[').append(done, '#').append(static_cast<std::size_t>(width) - done, ' ').append("] ");
  }
  std::cerr << "\r\033[K" << label << " " << bar << numbers << std::flush;
  drawn_ = true;
}

void ProgressBar::clear() {
  if (drawn_) std::cerr << "\r\033[K" << std::flush;
  drawn_ = false;
  begin_ = std::chrono::steady_clock::now();
}

}  // namespace nopos::host
