#include "records/run_records.h"

#include <utility>

#include "checkpoint_options.h"
#include "common_options.h"
#include "nopos/error.h"
#include "nopos/log.h"
#include "records/event_files.h"
#include "records/metrics_file.h"

namespace nopos::engine {

RunRecords::RunRecords(const RunConfig& config, std::int64_t num_updates) {
  const auto common = config.group<CommonOptions>();
  const auto checkpoint = config.group<CheckpointOptions>();
  if (!checkpoint.no_save) {
    writers_.push_back(std::make_unique<MetricsFile>(checkpoint.save_dir, num_updates));
  }
  if (common.tensorboard_logdir) {
    std::string command = "nopos-host train";
    for (const std::string& word : config.command) command += " " + word;
    writers_.push_back(std::make_unique<EventFiles>(*common.tensorboard_logdir, num_updates, command));
  }
}

void RunRecords::add(const std::string& tag, std::int64_t epoch, std::int64_t num_updates,
                     const Stats& stats) {
  Record record{tag, epoch, num_updates, stats};
  std::erase_if(record.figures, [](const auto& figure) { return figure.first == "num_updates"; });
  for (std::unique_ptr<RecordWriter>& writer : writers_) {
    try {
      writer->write(record);
    } catch (const Error& error) {
      log_warning("nopos.train", std::string(error.what()) + "; nothing more is written there");
      writer.reset();
    }
  }
  std::erase(writers_, nullptr);
}

}  // namespace nopos::engine
