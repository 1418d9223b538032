#pragma once
/// Which files of a folder an earlier run wrote, so that a later one replaces or removes these and no others.
///
/// The folder's `preprocess.json` lists them: name, size, and a check sum of their first and last 64 KiB. A
/// file counts as written by a run while it is still what the list says. The list of a run that was stopped
/// has both what it was to replace and what it was to write.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace nopos {

class OwnFiles {
 public:
  static constexpr const char* name = "preprocess.json";

  /// What the folder's list says; nothing where there is none, or one of another form. \throws Error (data)
  /// where it cannot be read
  explicit OwnFiles(std::filesystem::path folder);

  /// Whether `file` in the folder is as a run has written it.
  bool wrote(const std::string& file) const;

  /// That `file` will have the content that is at `path` now.
  void add(const std::string& file, const std::filesystem::path& path);
  /// Forgets what there was of `file` but for its latest content.
  void keep_latest(const std::string& file);
  /// Writes the list. \throws Error (runtime) with the file's name and the system's reason
  void save() const;

 private:
  struct Mark {
    std::string file;
    std::uint64_t bytes = 0, sum = 0;
    bool operator==(const Mark&) const = default;
  };
  static Mark mark_of(const std::string& file, const std::filesystem::path& path);

  std::filesystem::path folder_;
  std::vector<Mark> marks_;
};

}  // namespace nopos
