#pragma once
/// What the system says of a file, as an error for the user.

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "nopos/error.h"

namespace nopos {

/// "cannot open data/train.txt: No such file or directory."
[[noreturn]] inline void fail_on_file(const char* what, const std::filesystem::path& file, int reason,
                                      ExitCode code = ExitCode::data) {
  throw Error(code, std::string("cannot ") + what + " " + file.string() + ": " +
                        std::generic_category().message(reason) + ".");
}

[[noreturn]] inline void fail_on_write(const std::filesystem::path& file, int reason) {
  fail_on_file("write", file, reason, ExitCode::runtime);
}

/// For a file that must be a regular one. \throws Error (`code`) saying what it is instead
[[noreturn]] inline void fail_on_kind(const std::filesystem::path& file, mode_t mode, ExitCode code) {
  if (S_ISDIR(mode)) fail_on_file("read", file, EISDIR, code);
  throw Error(code, "cannot read " + file.string() + ": it is " +
                        (S_ISFIFO(mode)   ? "a pipe"
                         : S_ISSOCK(mode) ? "a socket"
                                          : "a device") +
                        ", but a regular file is needed here, since it is not read from one end to the "
                        "other. Copy it to a file and name that.");
}

}  // namespace nopos
