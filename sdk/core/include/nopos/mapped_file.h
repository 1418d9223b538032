#pragma once
/// Files that are read in place.

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace nopos {

/// A file mapped into memory, read-only. The file must not be truncated while it is mapped.
/// Any thread. \throws Error (data) with the file name and the system's reason if it cannot be read
class MappedFile {
 public:
  /// Regular files only: pipes and devices are refused without blocking.
  explicit MappedFile(std::filesystem::path path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string_view bytes() const { return {data_, size_}; }

  /// Drops the whole pages of `part` from resident memory; they are reloaded on access.
  static void release(std::string_view part);

 private:
  std::filesystem::path path_;
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace nopos
