#pragma once
/// All places that the records of one run go to, as its options say.

#include <memory>
#include <vector>

#include "meters.h"
#include "records/record.h"
#include "run_config.h"

namespace nopos::engine {

class RunRecords {
 public:
  /// Of a run that has `num_updates` behind it: metrics.jsonl where checkpoints are saved,
  /// `--tensorboard-logdir` and `--wandb-project`. \throws Error (runtime) with file and reason where none
  /// can be written
  RunRecords(const RunConfig& config, std::int64_t num_updates);

  /// A place that fails is left with a warning: training goes on.
  void add(const std::string& tag, std::int64_t epoch, std::int64_t num_updates, const Readings& readings);

 private:
  std::vector<std::unique_ptr<RecordWriter>> writers_;
};

}  // namespace nopos::engine
