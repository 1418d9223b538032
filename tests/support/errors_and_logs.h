#pragma once
/// What a call says: by an exception, or to the log.

#include <string>
#include <string_view>
#include <vector>

#include "nopos/error.h"
#include "nopos/log.h"

namespace nopos::test {

/// What `action` throws: "<exit code>: <message>", empty where it throws nothing.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code())) + ": " + error.what();
  }
  return {};
}

/// Collects log records as "LEVEL source: message" while it lives.
class LogCollector {
 public:
  LogCollector()
      : before_(set_log_sink([this](LogLevel level, std::string_view source, std::string_view message) {
          lines.push_back((level == LogLevel::warning ? "WARNING " : "INFO ") + std::string(source) + ": " +
                          std::string(message));
        })) {}
  ~LogCollector() { set_log_sink(before_); }
  LogCollector(const LogCollector&) = delete;

  std::vector<std::string> lines;

 private:
  LogSink before_;
};

}  // namespace nopos::test
