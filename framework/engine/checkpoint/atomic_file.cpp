#include "atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "nopos/error.h"

namespace nopos::engine {

AtomicFile::AtomicFile(std::filesystem::path file) : file_(std::move(file)), temporary_(file_) {
  temporary_ += temporary_suffix;
  descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail(errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  if (fsync(descriptor_) != 0) fail(errno);
  if (close(std::exchange(descriptor_, -1)) != 0 || std::rename(temporary_.c_str(), file_.c_str()) != 0) {
    const int reason = errno;
    unlink(temporary_.c_str());
    fail(reason);
  }
  // the new name reaches the disk with its folder; where a file system cannot flush folders, that is its way
  const std::filesystem::path folder = file_.has_parent_path() ? file_.parent_path() : ".";
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    fsync(descriptor);
    close(descriptor);
  }
}

void AtomicFile::fail(int reason) const {
  throw Error(ExitCode::runtime,
              "cannot write " + file_.string() + ": " + std::generic_category().message(reason) +
                  ". A file of that name from before is unchanged; make room or give another --save-dir, and "
                  "continue from the last checkpoint.");
}

void copy_atomically(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::ifstream source(from, std::ios::binary);
  AtomicFile copy(to);
  std::vector<char> buffer(std::size_t{1} << 20);
  while (source.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || source.gcount() > 0) {
    copy.write({buffer.data(), static_cast<std::size_t>(source.gcount())});
  }
  if (!source.eof()) {
    throw Error(ExitCode::runtime, "cannot read " + from.string() + " to copy it to " + to.string() + ".");
  }
  copy.commit();
}

}  // namespace nopos::engine
