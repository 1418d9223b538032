#pragma once
/// Event files that TensorBoard reads: one folder per tag below the given one.

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "append_file.h"
#include "record.h"

namespace nopos::engine {

class EventFiles final : public RecordWriter {
 public:
  /// Of a run that has `num_updates` behind it: TensorBoard forgets what earlier runs wrote about later ones.
  /// \param command  shown beside the curves
  EventFiles(std::filesystem::path folder, std::int64_t num_updates, std::string command);
  void write(const Record& record) override;

 private:
  AppendFile& file_of(const std::string& tag);

  std::filesystem::path folder_;
  std::int64_t num_updates_;
  std::string command_;
  std::map<std::string, std::unique_ptr<AppendFile>> files_;  // by tag
};

}  // namespace nopos::engine
