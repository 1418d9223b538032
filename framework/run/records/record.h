#pragma once
/// Figures of a run as other programs read them, beside the log.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace nopos::engine {

/// Figures by name, in the log's order and without its rounding.
using Figures = std::vector<std::pair<std::string, double>>;

/// What one log line says.
struct Record {
  std::string tag;  ///< "train_inner" (an interval), "train" (an epoch), or the subset of a validation
  std::int64_t epoch = 0, num_updates = 0;
  Figures figures;  ///< without num_updates
};

/// A place that records go to.
class RecordWriter {
 public:
  virtual ~RecordWriter() = default;
  /// Each record reaches the system before the call returns. \throws Error (runtime) with file and reason
  /// where a file cannot be opened
  virtual void write(const Record& record) = 0;
};

}  // namespace nopos::engine
