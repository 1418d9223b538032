#include "nopos/log.h"

#include <ctime>
#include <iostream>
#include <mutex>
#include <utility>

#include "nopos/log_level.h"
#include "nopos/printable.h"

namespace nopos {
namespace {

void to_standard_output(LogLevel level, std::string_view source, std::string_view message) {
  if (!log_passes(level)) return;
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char time[32];
  std::strftime(time, sizeof(time), "%F %T", &local);
  std::cout << time << (level == LogLevel::warning ? " | WARNING | " : " | INFO | ") << source << " | "
            << message << std::endl;
}

std::mutex mutex;
LogSink current = to_standard_output;

void record(LogLevel level, std::string_view source, std::string_view message) {
  const std::lock_guard lock(mutex);
  current(level, source, printable_lines(message));
}

}  // namespace

LogSink set_log_sink(LogSink sink) {
  const std::lock_guard lock(mutex);
  return std::exchange(current, sink ? std::move(sink) : LogSink(to_standard_output));
}

void log_info(std::string_view source, std::string_view message) { record(LogLevel::info, source, message); }

void log_warning(std::string_view source, std::string_view message) {
  record(LogLevel::warning, source, message);
}

std::string with_thousands(long long number) {
  std::string text = std::to_string(number);
  const std::size_t digits_from = number < 0 ? 1 : 0;
  for (std::size_t i = text.size(); i > digits_from + 3;) {
    i -= 3;
    text.insert(text.begin() + static_cast<std::ptrdiff_t>(i), ',');
  }
  return text;
}

}  // namespace nopos
