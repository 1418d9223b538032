#pragma once
/// Text from a plain file, one compressed with gzip (RFC 1952) or Zstandard (RFC 8878), or standard input.
/// Compression is recognized by the first bytes, not by the file name.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace nopos {

/// One pass over a text in constant memory. One thread at a time.
class TextInput {
 public:
  /// "-" is standard input.
  /// \throws Error (data) with the file name and the system's reason.
  explicit TextInput(const std::filesystem::path& path);
  ~TextInput();
  TextInput(const TextInput&) = delete;
  TextInput& operator=(const TextInput&) = delete;

  /// Fills `out` with the next bytes and returns their number: less than requested only at the end of the
  /// text, 0 at end of input. Consecutive gzip members or Zstandard frames are one text. \throws Error (data)
  /// if reading fails, or if compressed data are damaged or truncated, naming the file, the byte offset in it
  /// and the problem.
  std::size_t read(std::span<char> out);

  /// The name for messages: the path, or "standard input".
  const std::string& name() const { return name_; }

  /// Bytes of the file (compressed, if it is) consumed so far, and in total; 0 if unknown.
  std::uint64_t bytes_taken() const;
  std::uint64_t bytes_in_all() const;

  class Source;
  class Decoder;

 private:
  std::string name_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<Decoder> decoder_;
};

/// Whether `path` denotes standard input.
bool is_standard_input(const std::filesystem::path& path);

/// Whether `path` can be read only once: standard input, a pipe, a FIFO. False for a missing file.
bool is_read_once(const std::filesystem::path& path);

}  // namespace nopos
