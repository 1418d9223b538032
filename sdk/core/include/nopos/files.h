#pragma once
/// Files as core reads and writes them: mapped instead of read in, and replaced whole or not at all.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
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

/// A file in the making: it has a temporary name beside its own until it is whole, and goes with the object
/// where it did not become so.
class NewFile {
 public:
  /// \throws Error (data), as the rest, with the file's own name and the system's reason.
  explicit NewFile(std::filesystem::path path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

  void append(std::string_view bytes);
  /// Threads may write and read different places at the same time.
  void write_at(std::uint64_t offset, std::string_view bytes) const;
  void read_at(std::uint64_t offset, std::span<char> out) const;
  /// Makes the file end at `size` bytes.
  void cut(std::uint64_t size);

  /// Nothing is written any more: whatever can fail has failed.
  void close();
  /// Closes the file and gives it its name, in one step; an earlier file of that name goes.
  void publish();

  /// The name that `path` has in the making.
  static std::filesystem::path temporary_name(std::filesystem::path path);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;  // of what was appended
  bool published_ = false;
};

/// Makes `bytes` the whole content of `file`, by way of a temporary file beside it.
/// \throws Error (data) with the file's name and the system's reason; an earlier file is then untouched.
void replace_file(const std::filesystem::path& file, std::string_view bytes);

}  // namespace nopos
