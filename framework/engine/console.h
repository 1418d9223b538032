#pragma once
/// Where the log of a training process goes: records on standard output and in `--log-file`, and one live
/// line (the progress bar) that stays below them on the terminal.

#include <cstdio>
#include <mutex>
#include <optional>
#include <string>

#include "append_file.h"
#include "nopos/log.h"

namespace nopos::engine {

/// "2026-11-24 12:00:00 | INFO | train | message", in local time.
std::string record_line(LogLevel level, std::string_view source, std::string_view message);

/// Receives all records of the process while it exists. The environment variable LOGLEVEL (INFO, WARNING;
/// anything above: nothing) says from which level on.
class Console {
 public:
  /// \throws Error (configuration) where the log file cannot be opened.
  /// \param stream  instead of standard output
  explicit Console(const std::optional<std::string>& log_file, std::FILE* stream = stdout);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// Shows `line` as the live line on standard error, cut to the terminal's width; empty takes it away.
  void show(const std::string& line);

  /// Whether standard error is a terminal, so that a live line makes sense.
  static bool has_terminal();
  /// Columns of that terminal.
  static int width();

 private:
  void write(LogLevel level, std::string_view source, std::string_view message);
  void draw(const std::string& line);

  std::FILE* stream_;
  std::mutex mutex_;  // records come from the prefetch thread as well
  std::string live_;
  std::optional<AppendFile> file_;
  LogSink previous_;
};

}  // namespace nopos::engine
