#include "append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>

#include "nopos/error.h"

namespace nopos {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& reason) {
  throw Error(ExitCode::runtime, "cannot write " + path.string() + ": " + reason);
}

std::string text(int reason) { return std::generic_category().message(reason); }

}  // namespace

AppendFile::AppendFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code error;
  if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path(), error);
  if (error) fail(path_, error.message());
  constexpr mode_t everyones = 0666;  // less the user's mask
  // does not wait for somebody who reads a FIFO; then it does, for whoever reads slowly
  descriptor_ =
      open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, everyones);
  if (descriptor_ < 0) fail(path_, errno == ENXIO ? "no program is reading this pipe (FIFO)" : text(errno));
  fcntl(descriptor_, F_SETFL, O_APPEND);
}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool AppendFile::append(std::string_view bytes) {
  std::size_t written = 0;
  while (descriptor_ >= 0 && written < bytes.size()) {
    const ssize_t count = write(descriptor_, bytes.data() + written, bytes.size() - written);
    if (count > 0) {
      written += static_cast<std::size_t>(count);
    } else if (count == 0 || errno != EINTR) {
      stop(count == 0 ? EIO : errno, written);
    }
  }
  return descriptor_ >= 0;
}

void AppendFile::stop(int reason, std::size_t written) {
  struct stat status {};
  if (written > 0 && fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) {
    // half a record would spoil the file for whoever reads it
    if (ftruncate(descriptor_, status.st_size - static_cast<off_t>(written)) != 0) reason = errno;
  }
  close(std::exchange(descriptor_, -1));
  std::cerr << "nopos-host: cannot write " + path_.string() + ": " + text(reason) +
                   "; the run continues without this output.\n"
            << std::flush;
}

}  // namespace nopos
