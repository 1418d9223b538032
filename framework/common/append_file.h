#pragma once
/// A file that grows while others read it: a log, records of a run.

#include <filesystem>
#include <string_view>

namespace nopos {

class AppendFile {
 public:
  /// Appends to `path`, which is made with its folder where there is none. It may be a device, or a FIFO that
  /// somebody reads. \throws Error (runtime) with file and reason
  explicit AppendFile(std::filesystem::path path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// `bytes`, whole records, have reached the system when the call returns. Where they cannot, the file ends
  /// with the record before, standard error says so once with file and reason, and from then on nothing is
  /// written: what a run is for goes on. Returns whether they were written.
  bool append(std::string_view bytes);

 private:
  void stop(int reason, std::size_t written);

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace nopos
