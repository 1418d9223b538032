#pragma once
/// Where the log of a training process goes: records on standard output and in `--log-file`, and one live
/// line (the progress bar) that stays below them on the terminal.

#include <iostream>
#include <mutex>
#include <optional>
#include <string>

#include "append_file.h"
#include "live_line.h"
#include "nopos/log.h"

namespace nopos::engine {

/// "2026-11-24 12:00:00 | INFO | train | message", in local time.
std::string record_line(LogLevel level, std::string_view source, std::string_view message);

/// Receives all records of the process while it exists. The environment variable LOGLEVEL (INFO, WARNING;
/// anything above: nothing) says from which level on. Where the stream takes no more, the log file says so
/// once and has the rest alone.
class Console {
 public:
  /// \throws Error (configuration) where the log file cannot be opened.
  explicit Console(const std::optional<std::string>& log_file, std::ostream& stream = std::cout);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// Shows `line` as the live line on standard error, cut to the terminal's width; empty takes it away.
  void show(const std::string& line);

  /// Whether standard error is a terminal, so that a live line makes sense.
  bool has_terminal() const { return live_.has_terminal(); }
  /// Columns that the live line may fill.
  int width() const { return live_.width(); }

 private:
  void write(LogLevel level, std::string_view source, std::string_view message);

  std::ostream& stream_;
  std::mutex mutex_;  // records come from the prefetch thread as well
  LiveLine live_;
  std::optional<AppendFile> file_;
  LogSink previous_;
};

}  // namespace nopos::engine
