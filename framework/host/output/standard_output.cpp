#include "standard_output.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>

#include "nopos/error.h"

namespace nopos::host {
namespace {

/// Writes all of `bytes`, also where the descriptor does not wait. Returns 0 or the reason.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(descriptor, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd ready{descriptor, POLLOUT, 0};
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

std::string reason_text(int reason) {
  return reason == EBADF ? "it is closed" : std::generic_category().message(reason);
}

}  // namespace

void fill_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // the wrong way round, so that its use is an error; the lowest free number is this one
    if (open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) == descriptor) continue;
    if (open("/", O_RDONLY | O_DIRECTORY) != descriptor) _exit(static_cast<int>(ExitCode::runtime));
  }
}

StandardOutput& StandardOutput::install() {
  static auto* const only = new StandardOutput;  // what ends after main still writes
  std::cout.rdbuf(only);
  return *only;
}

StandardOutput::StandardOutput() : terminal_(isatty(STDOUT_FILENO) == 1) {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
}

StandardOutput::int_type StandardOutput::overflow(int_type character) {
  if (!flush_buffer()) return traits_type::eof();
  if (traits_type::eq_int_type(character, traits_type::eof())) return traits_type::not_eof(character);
  const char one = traits_type::to_char_type(character);
  return xsputn(&one, 1) == 1 ? character : traits_type::eof();
}

std::streamsize StandardOutput::xsputn(const char* bytes, std::streamsize count) {
  std::string_view rest(bytes, static_cast<std::size_t>(count));
  while (!rest.empty()) {
    if (error_ != 0 || (pptr() == epptr() && !flush_buffer())) return 0;
    const std::size_t part = rest.copy(pptr(), static_cast<std::size_t>(epptr() - pptr()));
    pbump(static_cast<int>(part));
    rest.remove_prefix(part);
  }
  const bool line_ended =
      std::string_view(bytes, static_cast<std::size_t>(count)).find('\n') != std::string::npos;
  return terminal_ && line_ended && !flush_buffer() ? 0 : count;
}

int StandardOutput::sync() { return flush_buffer() ? 0 : -1; }

bool StandardOutput::flush_buffer() {
  const std::string_view waiting(pbase(), static_cast<std::size_t>(pptr() - pbase()));
  if (error_ == 0) {
    if (const int reason = write_all(STDOUT_FILENO, waiting); reason != 0) fail(reason);
  }
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return error_ == 0;
}

void StandardOutput::fail(int reason) {
  error_ = reason;
  if (meaning_ == Output::result) return;
  write_all(STDERR_FILENO, "nopos-host: warning: standard output can no longer be written: " +
                               reason_text(reason) + "; continuing without it\n");
  errno = reason;
}

bool StandardOutput::reader_left() const {
  return error_ == EPIPE || error_ == EBADF || (error_ == EIO && terminal_);
}

int StandardOutput::finish(int code) {
  std::cout.flush();
  // what libraries wrote past std::cout
  if (std::fflush(stdout) != 0 && error_ == 0) fail(errno);
  if (error_ == 0 || code != static_cast<int>(ExitCode::ok)) return code;
  if (meaning_ == Output::report && reader_left()) return code;
  // whoever closes a pipe early, as head does, has what it wanted
  if (error_ != EPIPE) {
    write_all(STDERR_FILENO, "nopos-host: cannot write standard output: " + reason_text(error_) +
                                 (meaning_ == Output::report ? "; the work itself is complete\n" : "\n"));
  }
  return static_cast<int>(ExitCode::runtime);
}

}  // namespace nopos::host
