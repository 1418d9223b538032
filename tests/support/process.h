#pragma once
/// A program that runs beside the test: with standard streams as given, and to be sent signals.

#include <sys/types.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "command.h"

namespace nopos::test {

/// What a program finds as one of its standard streams.
enum class Stream {
  file,    ///< output is kept; input is empty
  closed,  ///< no descriptor
  full,    ///< /dev/full
  broken   ///< a pipe whose other end is closed
};
const char* name_of(Stream stream);

class Process {
 public:
  /// Starts `command` in `folder`, with the test's environment and `options.environment`.
  explicit Process(const std::vector<std::string>& command, const CommandOptions& options = {},
                   std::array<Stream, 3> streams = {});
  /// Ends it if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t id() const { return id_; }
  bool running();
  void send(int signal) const;
  /// Waits until the program catches `signal`, or has ended. Returns whether it does.
  bool catches(int signal);
  /// Waits until what it wrote to standard output holds `text`, or it has ended. Returns whether it does.
  bool said(const std::string& text);
  /// Its end: exit code, or 128 + signal; and what it wrote.
  CommandResult wait();

 private:
  TemporaryFolder kept_;
  pid_t id_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

}  // namespace nopos::test
