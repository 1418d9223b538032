#pragma once
/// Files as core reads and writes them: opened once, mapped instead of read in, and replaced whole or not at
/// all.
///
/// What cannot be read is an Error (data), what cannot be written one of ExitCode::runtime; both have the
/// file's name and the system's reason.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopos/error.h"

namespace nopos {

/// A file's bytes, read-only, without reading them in. The file must not be cut short meanwhile.
class MappedFile {
 public:
  /// Only a regular file: a pipe or a device is refused, without waiting for it.
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

/// What a small file may be for `read_small_file`.
enum class Source {
  regular,  ///< a regular file, as for MappedFile: what was found in a folder
  any       ///< or a pipe, `<(...)`, a FIFO that somebody writes to: what a user has named
};

/// Everything that a file of at most `most` bytes holds, opened and read once. Of a FIFO that nobody has
/// opened for writing within two seconds, and of a file that is larger, it says so. \throws Error (`code`)
std::string read_small_file(const std::filesystem::path& file, std::uint64_t most, Source source,
                            ExitCode code = ExitCode::data);

/// Sizes beyond which a configuration, a manifest or a description is none.
inline constexpr std::uint64_t most_json_bytes = std::uint64_t{16} << 20;

/// A file in the making. Until it is whole it has a name of its own beside the one it will get,
/// "train.bin.nopos-4711-1.tmp" with the process's number, and it goes with the object where it did not
/// become whole. No link is followed at that name, and no file that stands there is touched. It is locked
/// (flock) while its maker lives, by which `remove_leftovers` knows it from one that nobody works on.
class NewFile {
 public:
  enum class Kind {
    result,  ///< is flushed to the disk before it gets its name
    scratch  ///< will be removed by whoever makes it
  };

  /// Removes what killed processes have left of the same file.
  explicit NewFile(std::filesystem::path path, Kind kind = Kind::result);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Its name until `publish`.
  const std::filesystem::path& temporary() const { return temporary_; }

  /// Small pieces wait in memory until they are many. One thread at a time.
  void append(std::string_view bytes);
  /// What was appended so far can be read and is counted.
  void flush();
  /// Threads may write and read different places at the same time.
  void write_at(std::uint64_t offset, std::string_view bytes) const;
  void read_at(std::uint64_t offset, std::span<char> out) const;
  /// Makes the file end at `size` bytes.
  void cut(std::uint64_t size);

  /// Nothing is written any more. A result reaches the disk: whatever can fail has failed.
  void close();
  /// Closes the file and gives it its name, in one step; an earlier file of that name goes. The folder is
  /// flushed too, so that the name lasts as the bytes do.
  void publish();

 private:
  [[noreturn]] void fail(int reason) const;
  bool open_temporary(int number);

  std::filesystem::path path_, temporary_;
  Kind kind_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;  // of what was appended and written
  std::string waiting_;     // of what was appended
  bool closed_ = false, published_ = false;
};

/// Makes `bytes` the whole content of `file`, by way of a NewFile; an earlier one is untouched where that
/// fails.
void replace_file(const std::filesystem::path& file, std::string_view bytes);

/// Makes `to` a copy of `from` in the same way.
void copy_to_new_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Removes from `folder` what NewFiles of processes that have ended, of this user, left of files whose names
/// begin with `prefix`, and nothing else. Returns what it removed; a folder that cannot be read is empty.
std::vector<std::filesystem::path> remove_leftovers(const std::filesystem::path& folder,
                                                    std::string_view prefix = "");

/// Flushes a folder, so that names given and taken in it last. Where its file system cannot flush folders,
/// nothing happens.
void flush_folder(const std::filesystem::path& folder);

}  // namespace nopos
