#include "nopos/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <system_error>

#include "file_error.h"

namespace nopos {
MappedFile::MappedFile(std::filesystem::path path) : path_(std::move(path)) {
  const int descriptor = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail_on_file("open", path_, errno);
  struct stat status {};
  int reason = fstat(descriptor, &status) == 0 ? 0 : errno;
  if (reason == 0 && !S_ISREG(status.st_mode)) reason = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
  if (reason == 0 && status.st_size > 0) {  // an empty file cannot be mapped, and has no bytes
    size_ = static_cast<std::size_t>(status.st_size);
    void* const address = mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor, 0);
    if (address == MAP_FAILED) reason = errno;
    data_ = static_cast<const char*>(address);
  }
  close(descriptor);
  if (reason != 0) fail_on_file("read", path_, reason);
}

MappedFile::~MappedFile() {
  if (size_ > 0) munmap(const_cast<char*>(data_), size_);
}

void MappedFile::release(std::string_view part) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(part.data());
  const std::uintptr_t begin = (address + page - 1) / page * page,
                       end = (address + part.size()) / page * page;
  // an advice: where the system does not take it, nothing but memory is lost
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

void replace_file(const std::filesystem::path& file, std::string_view bytes) {
  std::filesystem::path temporary = file;
  temporary += ".tmp";
  errno = 0;
  std::ofstream stream(temporary, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) {
    const int reason = errno;
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    fail_on_file("write", file, reason == 0 ? EIO : reason);
  }
  rename_file(temporary, file);
}

void rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (error) fail_on_file("write", to, error.value());
}

}  // namespace nopos
