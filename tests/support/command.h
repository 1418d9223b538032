#pragma once
/// Runs programs the way a user does: arguments in, exit code and text out.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace nopos::test {

struct CommandResult {
  int exit_code = 0;  ///< 128 + signal where one ended it
  std::string out, err;
};

struct CommandOptions {
  std::map<std::string, std::string> environment = {};  ///< set over the caller's
  std::filesystem::path directory = {};                 ///< where it runs; empty: here
};

CommandResult run(const std::vector<std::string>& command, const CommandOptions& options = {});

/// A fresh folder below the system's temporary folder, removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::string read_file(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, const std::string& bytes);

}  // namespace nopos::test
