#pragma once
/// What the system says of a file, as an error for the user.

#include <filesystem>
#include <string>
#include <system_error>

#include "nopos/error.h"

namespace nopos {

/// "cannot open data/train.txt: No such file or directory."
[[noreturn]] inline void fail_on_file(const char* what, const std::filesystem::path& file, int reason) {
  throw Error(ExitCode::data, std::string("cannot ") + what + " " + file.string() + ": " +
                                  std::generic_category().message(reason) + ".");
}

}  // namespace nopos
