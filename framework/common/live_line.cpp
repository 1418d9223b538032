#include "live_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iostream>

namespace nopos {

int terminal_columns(int descriptor) {
  if (const char* given = std::getenv("COLUMNS")) {
    int columns = 0;
    const std::string_view text(given);
    if (std::from_chars(text.data(), text.data() + text.size(), columns).ec == std::errc() && columns > 0) {
      return columns;
    }
  }
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::string progress_bar(double share, int cells) {
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * cells);
  return '|' + std::string(full, '#') + std::string(static_cast<std::size_t>(cells) - full, '-') + '|';
}

LiveLine::LiveLine() : terminal_(isatty(STDERR_FILENO) == 1) {}

int LiveLine::width() const {
  constexpr int usual = 80;
  const int columns = terminal_columns(STDERR_FILENO);
  return std::max((columns > 0 ? columns : usual) - 1, 1);
}

void LiveLine::show(std::string_view line) {
  if (!terminal_ || (line.empty() && line_.empty())) return;
  line_ = line.substr(0, static_cast<std::size_t>(width()));
  draw(line_);
}

void LiveLine::clear() { show(""); }

void LiveLine::draw(std::string_view line) {
  std::cerr << "\r\033[K" << line << std::flush;  // to the line's start, erase it
  if (!std::cerr) terminal_ = false;              // it hung up
}

}  // namespace nopos
