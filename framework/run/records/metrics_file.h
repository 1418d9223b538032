#pragma once
/// `metrics.jsonl` in a run's save-dir: one JSON object a line.
///
///     {"tag": "run", "num_updates": 0, "time": 1790000000.1}
///     {"tag": "train_inner", "epoch": 1, "num_updates": 100, "time": 1790000012.4, "loss": 7.844, "lr":
///     0.001, ...}
///
/// Each run of the program adds a line with the tag "run" and then its records. A run that goes on from a
/// checkpoint says from which update: records before that line with more updates were trained away. A figure
/// that is not finite is null. `time` is in seconds since 1970.

#include <filesystem>

#include "append_file.h"
#include "record.h"

namespace nopos::engine {

class MetricsFile final : public RecordWriter {
 public:
  /// Of a run that has `num_updates` behind it. \throws Error (runtime) with file and reason
  MetricsFile(const std::filesystem::path& folder, std::int64_t num_updates);
  void write(const Record& record) override;

 private:
  AppendFile file_;
};

}  // namespace nopos::engine
