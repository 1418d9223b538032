#include "console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "nopos/error.h"
#include "nopos/log_level.h"

namespace nopos::engine {
std::string record_line(LogLevel level, std::string_view source, std::string_view message) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 32> time{};
  std::strftime(time.data(), time.size(), "%Y-%m-%d %H:%M:%S", &local);
  std::string line = time.data();
  line.append(level == LogLevel::warning ? " | WARNING | " : " | INFO | ");
  return line.append(source).append(" | ").append(message);
}

Console::Console(const std::optional<std::string>& log_file, std::FILE* stream) : stream_(stream) {
  if (log_file) {
    file_.open(*log_file, std::ios::app);
    if (!file_) {
      throw Error(ExitCode::configuration,
                  "--log-file " + *log_file + " cannot be written: " + std::strerror(errno));
    }
  }
  previous_ = set_log_sink([this](LogLevel level, std::string_view source, std::string_view message) {
    if (log_passes(level)) write(level, source, message);
  });
}

Console::~Console() {
  show("");
  set_log_sink(previous_);
}

void Console::show(const std::string& line) {
  const std::lock_guard lock(mutex_);
  if (live_.empty() && line.empty()) return;
  draw(line);
  live_ = line;
}

bool Console::has_terminal() { return isatty(STDERR_FILENO) == 1; }

int Console::width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void Console::write(LogLevel level, std::string_view source, std::string_view message) {
  const std::lock_guard lock(mutex_);
  const std::string line = record_line(level, source, message);
  if (!live_.empty()) draw("");
  std::fprintf(stream_, "%s\n", line.c_str());
  std::fflush(stream_);
  if (!live_.empty()) draw(live_);
  if (file_.is_open()) file_ << line << std::endl;
}

void Console::draw(const std::string& line) {
  std::fprintf(stderr, "\r\033[K%s", line.c_str());  // to the line's start, erase it
  std::fflush(stderr);
}

}  // namespace nopos::engine
