#pragma once
/// A file of records that grows while others read it.

#include <filesystem>
#include <string_view>

namespace nopos::engine {

class RecordFile {
 public:
  /// Appends to `path`, which is made with its folder where there is none.
  /// \throws Error (data) with file and reason, as `append`
  explicit RecordFile(std::filesystem::path path);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  /// `bytes` have reached the system when the call returns.
  void append(std::string_view bytes);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// Seconds since 1970.
double unix_seconds();

}  // namespace nopos::engine
