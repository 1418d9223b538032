#include "nopos/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <utility>

#include "file_error.h"
#include "nopos/mapped_files.h"

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
  if (size_ > 0) note_mapped_file(data_, size_, path_.c_str());
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

std::filesystem::path NewFile::temporary_name(std::filesystem::path path) {
  path += ".tmp";
  return path;
}

NewFile::NewFile(std::filesystem::path path) : path_(std::move(path)) {
  constexpr mode_t everyones = 0666;  // less the user's mask
  descriptor_ = open(temporary_name(path_).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, everyones);
  if (descriptor_ < 0) fail_on_file("write", path_, errno);
}

NewFile::~NewFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!published_) unlink(temporary_name(path_).c_str());
}

void NewFile::append(std::string_view bytes) {
  write_at(size_, bytes);
  size_ += bytes.size();
}

void NewFile::write_at(std::uint64_t offset, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail_on_file("write", path_, count < 0 ? errno : EIO);
    offset += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void NewFile::read_at(std::uint64_t offset, std::span<char> out) const {
  while (!out.empty()) {
    const ssize_t count = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail_on_file("read", path_, count < 0 ? errno : EIO);
    offset += static_cast<std::uint64_t>(count);
    out = out.subspan(static_cast<std::size_t>(count));
  }
}

void NewFile::cut(std::uint64_t size) {
  if (ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail_on_file("write", path_, errno);
}

void NewFile::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor >= 0 && ::close(descriptor) != 0) fail_on_file("write", path_, errno);
}

void NewFile::publish() {
  close();
  std::error_code error;
  std::filesystem::rename(temporary_name(path_), path_, error);
  if (error) fail_on_file("write", path_, error.value());
  published_ = true;
}

void replace_file(const std::filesystem::path& file, std::string_view bytes) {
  NewFile whole(file);
  whole.append(bytes);
  whole.publish();
}

}  // namespace nopos
