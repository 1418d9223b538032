#include "nopos/files.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#include "nopos/file_error.h"
#include "nopos/mapped_files.h"

namespace nopos {
namespace {

/// A descriptor that is closed with it.
struct Opened {
  /// Does not wait for whoever writes to a FIFO.
  Opened(const std::filesystem::path& path, ExitCode code)
      : descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
    if (descriptor < 0) fail_on_file("open", path, errno, code);
    if (fstat(descriptor, &status) != 0) {
      const int reason = errno;
      close(descriptor);
      fail_on_file("read", path, reason, code);
    }
  }
  ~Opened() { close(descriptor); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  bool is_regular() const { return S_ISREG(status.st_mode); }

  int descriptor;
  struct stat status {};
};

/// Waits for the first byte of a pipe, or its end; a FIFO without a writer has neither.
void wait_for_writer(const Opened& pipe, const std::filesystem::path& file, ExitCode code) {
  constexpr int patience = 2000, infinite = -1;  // milliseconds
  struct stat named {};
  // behind /dev/fd there is a pipe that has, or had, a writer
  const bool has_name = lstat(file.c_str(), &named) == 0 && S_ISFIFO(named.st_mode);
  pollfd ready{pipe.descriptor, POLLIN, 0};
  int count = 0;
  do count = poll(&ready, 1, has_name ? patience : infinite);
  while (count < 0 && errno == EINTR);
  if (count > 0) return;
  throw Error(code, "cannot read " + file.string() +
                        ": nothing has opened this pipe (FIFO) for writing within two seconds. Start the "
                        "writing program first, or give a file.");
}

}  // namespace

MappedFile::MappedFile(std::filesystem::path path) : path_(std::move(path)) {
  const Opened file(path_, ExitCode::data);
  if (!file.is_regular()) fail_on_kind(path_, file.status.st_mode, ExitCode::data);
  if (file.status.st_size == 0) return;  // an empty file cannot be mapped, and has no bytes
  const auto size = static_cast<std::size_t>(file.status.st_size);
  void* const address = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor, 0);
  if (address == MAP_FAILED) fail_on_file("read", path_, errno);
  data_ = static_cast<const char*>(address);
  size_ = size;
  note_mapped_file(data_, size_, path_.c_str());
}

MappedFile::~MappedFile() {
  if (size_ == 0) return;
  forget_mapped_file(data_);
  munmap(const_cast<char*>(data_), size_);
}

void MappedFile::release(std::string_view part) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(part.data());
  const std::uintptr_t begin = (address + page - 1) / page * page,
                       end = (address + part.size()) / page * page;
  // an advice: where the system does not take it, nothing but memory is lost
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

std::string read_small_file(const std::filesystem::path& path, std::uint64_t most, Source source,
                            ExitCode code) {
  const Opened file(path, code);
  const bool is_pipe = S_ISFIFO(file.status.st_mode) && source == Source::any;
  if (!file.is_regular() && !is_pipe) fail_on_kind(path, file.status.st_mode, code);
  if (is_pipe) {
    wait_for_writer(file, path, code);
    fcntl(file.descriptor, F_SETFL, 0);  // from here on its end is worth waiting for
  }
  std::string bytes;
  constexpr std::size_t piece = std::size_t{64} << 10;
  const auto expected = file.is_regular() ? static_cast<std::uint64_t>(file.status.st_size) : 0;
  if (expected <= most) bytes.reserve(expected + piece);
  for (std::uint64_t filled = 0; expected <= most;) {
    bytes.resize(filled + piece);
    const ssize_t count = read(file.descriptor, bytes.data() + filled, piece);
    if (count < 0 && errno != EINTR) fail_on_file("read", path, errno, code);
    filled += static_cast<std::uint64_t>(std::max<ssize_t>(count, 0));
    bytes.resize(filled);
    if (count == 0) return bytes;
    if (filled > most) break;
  }
  throw Error(code, "cannot read " + path.string() + ": it has more than " + std::to_string(most) +
                        " bytes, too many for this kind of file. Give another file.");
}

}  // namespace nopos
