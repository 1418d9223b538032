#pragma once
/// A new file (nopos/files.h) that is written in many small pieces.

#include <filesystem>
#include <string>
#include <string_view>

#include "nopos/files.h"

namespace nopos {

class OutputFile {
 public:
  /// \throws Error (data) with the file's name and the system's reason, as all functions.
  explicit OutputFile(std::filesystem::path path) : file_(std::move(path)) {}

  void write(std::string_view bytes) {
    buffer_ += bytes;
    if (buffer_.size() >= buffer_bytes) flush();
  }
  /// Writes what is left: whatever can fail has failed.
  void finish() {
    flush();
    file_.close();
  }
  /// Gives the finished file its name.
  void publish() { file_.publish(); }

  const std::filesystem::path& path() const { return file_.path(); }

 private:
  static constexpr std::size_t buffer_bytes = std::size_t{256} << 10;

  void flush() {
    file_.append(buffer_);
    buffer_.clear();
  }

  NewFile file_;
  std::string buffer_;
};

}  // namespace nopos
