#pragma once
/// Log records of core, engine and plugins: "2026-11-24 12:00:00 | INFO | source | message" on standard
/// output, unless the program sets another sink.

#include <functional>
#include <string>
#include <string_view>

namespace nopos {

enum class LogLevel { info, warning };

using LogSink = std::function<void(LogLevel level, std::string_view source, std::string_view message)>;

/// Sends the records of the whole process to `sink`, one at a time; an empty sink restores standard output.
/// Returns the previous sink.
LogSink set_log_sink(LogSink sink);

/// `source` names the component that logs, such as "nopos.task". Any thread.
void log_info(std::string_view source, std::string_view message);
void log_warning(std::string_view source, std::string_view message);

/// 1234567 as "1,234,567".
std::string with_thousands(long long number);

}  // namespace nopos
