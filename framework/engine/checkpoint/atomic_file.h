#pragma once
/// A file that appears whole or not at all: written beside its place, flushed to the disk, then renamed.

#include <filesystem>
#include <string_view>

namespace nopos::engine {

class AtomicFile {
 public:
  static constexpr const char* temporary_suffix = ".tmp";

  /// \throws Error (runtime) naming file and reason, as all of these.
  explicit AtomicFile(std::filesystem::path file);
  /// Unless committed, removes what was written; a file of that name from before stays as it is.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  void commit();

 private:
  [[noreturn]] void fail(int reason) const;

  std::filesystem::path file_, temporary_;
  int descriptor_ = -1;
};

/// Copies a file in the same way.
void copy_atomically(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace nopos::engine
