#pragma once
/// Files as core reads and writes them: mapped instead of read in, and replaced whole or not at all.

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace nopos {

/// A file's bytes, read-only, without reading them in. The file must not be cut short meanwhile.
class MappedFile {
 public:
  /// \throws Error (data) with the file's name and the system's reason.
  explicit MappedFile(std::filesystem::path path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string_view bytes() const { return {data_, size_}; }

  /// Takes whole pages of `part` out of this process's memory, where a mapped file counts once it was read;
  /// they come back when they are read again.
  static void release(std::string_view part);

 private:
  std::filesystem::path path_;
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Makes `bytes` the whole content of `file`, by way of a temporary file beside it.
/// \throws Error (data) with the file's name and the system's reason; an earlier file is then untouched.
void replace_file(const std::filesystem::path& file, std::string_view bytes);

/// Gives a finished temporary file its name. \throws Error (data)
void rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace nopos
