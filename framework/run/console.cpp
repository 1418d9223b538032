#include "console.h"

#include <array>
#include <cerrno>
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

Console::Console(const std::optional<std::string>& log_file, std::ostream& stream) : stream_(stream) {
  if (log_file) {
    try {
      file_.emplace(*log_file);
    } catch (const Error& error) {
      throw Error(ExitCode::configuration, std::string("--log-file: ") + error.what());
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
  live_.show(line);
}

void Console::write(LogLevel level, std::string_view source, std::string_view message) {
  const std::lock_guard lock(mutex_);
  const std::string line = record_line(level, source, message);
  std::string failure;
  if (stream_) {
    errno = 0;
    live_.make_way([&] { stream_ << line << std::endl; });
    if (!stream_) failure = errno == 0 ? "it failed" : std::strerror(errno);
  }
  if (!file_) return;
  file_->append(line + "\n");
  if (failure.empty()) return;
  file_->append(record_line(LogLevel::warning, "nopos.log",
                            "the log can no longer be written to the terminal or pipe: " + failure +
                                "; it continues here") +
                "\n");
}

}  // namespace nopos::engine
