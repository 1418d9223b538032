#pragma once
/// Bytes of text from wherever they lie: a plain file, one compressed by gzip (RFC 1952) or Zstandard (RFC
/// 8878), or standard input. What is compressed is recognised by its first bytes, not by its name.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace nopos {

/// One pass over a text, in memory that does not grow with it. One thread at a time.
class TextInput {
 public:
  /// "-" is standard input.
  /// \throws Error (data) with the file's name and the system's reason.
  explicit TextInput(const std::filesystem::path& path);
  ~TextInput();
  TextInput(const TextInput&) = delete;
  TextInput& operator=(const TextInput&) = delete;

  /// Fills `out` with the next bytes and returns their number: fewer than asked for only where the text ends,
  /// 0 behind its end. Members of gzip and frames of Zstandard that follow one another are one text. \throws
  /// Error (data) where the system cannot read, or naming file, byte (of the file) and what is wrong with it
  /// where compressed data are damaged or cut short.
  std::size_t read(std::span<char> out);

  /// As messages call it: the path, or "standard input".
  const std::string& name() const { return name_; }

  /// Bytes of the file, compressed as they may be, that were taken so far, and that there are; 0 where no one
  /// knows.
  std::uint64_t bytes_taken() const;
  std::uint64_t bytes_in_all() const;

  class Source;
  class Decoder;

 private:
  std::string name_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<Decoder> decoder_;
};

/// Whether `path` means standard input.
bool is_standard_input(const std::filesystem::path& path);

/// Whether what stands there is gone once it was opened and read: standard input, a pipe, a FIFO. A file that
/// is not there is not.
bool is_read_once(const std::filesystem::path& path);

}  // namespace nopos
