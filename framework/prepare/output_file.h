#pragma once
/// A file that is written from beginning to end, where every failure is an error.

#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

namespace nopos {

class OutputFile {
 public:
  /// \throws Error (data) with the file's name and the system's reason, as all functions.
  explicit OutputFile(std::filesystem::path path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view bytes);
  /// Whatever is not closed may be lost without an error.
  void close();

  const std::filesystem::path& path() const { return path_; }

 private:
  void check() const;

  std::filesystem::path path_;
  std::vector<char> buffer_;
  std::ofstream stream_;
};

}  // namespace nopos
