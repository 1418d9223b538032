#include "console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "nopos/error.h"

namespace nopos::engine {
namespace {

/// Records below this are dropped.
int lowest_level() {
  const char* wanted = std::getenv("LOGLEVEL");
  const std::string_view name = wanted == nullptr ? "INFO" : wanted;
  if (name == "WARNING") return 1;
  return name == "ERROR" || name == "CRITICAL" ? 2 : 0;
}

}  // namespace

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
    try {
      file_.emplace(*log_file);
    } catch (const Error& error) {
      throw Error(ExitCode::configuration, std::string("--log-file: ") + error.what());
    }
  }
  previous_ = set_log_sink(
      [this, lowest = lowest_level()](LogLevel level, std::string_view source, std::string_view message) {
        if (static_cast<int>(level) >= lowest) write(level, source, message);
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
  if (file_) file_->append(line + "\n");
}

void Console::draw(const std::string& line) {
  std::fprintf(stderr, "\r\033[K%s", line.c_str());  // to the line's start, erase it
  std::fflush(stderr);
}

}  // namespace nopos::engine
