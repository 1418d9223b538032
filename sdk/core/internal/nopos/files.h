#pragma once
/// How core reads and writes files: opened once, mapped instead of copied, and replaced atomically.
///
/// A file that cannot be read is an Error (data), one that cannot be written an Error (runtime); both
/// messages give the file name and the system's reason.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopos/error.h"
#include "nopos/mapped_file.h"

namespace nopos {

/// What `read_small_file` accepts.
enum class Source {
  regular,  ///< a regular file, as for MappedFile: for files found in a folder
  any       ///< also a pipe, `<(...)` or a FIFO that has a writer: for files named by the user
};

/// The contents of a file of at most `most` bytes, opened and read once. \throws Error (`code`) if the file
/// is larger, cannot be read, or is a FIFO without a writer for two seconds.
std::string read_small_file(const std::filesystem::path& file, std::uint64_t most, Source source,
                            ExitCode code = ExitCode::data);

/// Size limit of configuration files, manifests and plugin descriptions, in bytes.
inline constexpr std::uint64_t most_json_bytes = std::uint64_t{16} << 20;

/// A file being written. Until `publish` it has a temporary name beside its final one,
/// "train.bin.nopos-4711-1.tmp" with the process id, and it is deleted with the object unless published. A
/// link or file that already has the temporary name is neither followed nor touched. The file is locked
/// (flock) while its writer lives, so that `remove_leftovers` can tell it from an abandoned one.
class NewFile {
 public:
  enum class Kind {
    result,  ///< flushed to disk before it gets its name
    scratch  ///< removed by its owner
  };

  /// Removes temporary files that killed processes left for the same path.
  explicit NewFile(std::filesystem::path path, Kind kind = Kind::result);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// The name until `publish`.
  const std::filesystem::path& temporary() const { return temporary_; }

  /// Small pieces are buffered. One thread at a time.
  void append(std::string_view bytes);
  /// Writes the buffer out: everything appended so far can be read back.
  void flush();
  /// Threads may write and read disjoint ranges concurrently.
  void write_at(std::uint64_t offset, std::string_view bytes) const;
  void read_at(std::uint64_t offset, std::span<char> out) const;
  /// Truncates the file to `size` bytes.
  void cut(std::uint64_t size);

  /// Ends writing. A result is flushed to disk, so that any write error is reported here.
  void close();
  /// Closes the file and renames it to `path` atomically, replacing an earlier file. The folder is flushed
  /// too, so that the name is as durable as the contents.
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

/// Replaces the contents of `file` by `bytes`, through a NewFile; on failure an earlier file is untouched.
void replace_file(const std::filesystem::path& file, std::string_view bytes);

/// Copies `from` to `to` in the same way.
void copy_to_new_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Removes from `folder` the temporary files of NewFiles whose process (of this user) has ended and whose
/// names begin with `prefix`, and nothing else. Returns what it removed; an unreadable folder counts as
/// empty.
std::vector<std::filesystem::path> remove_leftovers(const std::filesystem::path& folder,
                                                    std::string_view prefix = "");

/// Flushes a folder, so that renames and removals in it are durable. Does nothing if the file system cannot
/// flush folders.
void flush_folder(const std::filesystem::path& folder);

}  // namespace nopos
