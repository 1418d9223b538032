#pragma once
/// A whole run: epochs of updates, with validation, saving and stopping, from a fresh model or a checkpoint.

#include <cstdint>
#include <optional>
#include <vector>

#include "background_task.h"
#include "checkpoint/keeper.h"
#include "console.h"
#include "data/split.h"
#include "model/components.h"
#include "nopos/error.h"
#include "progress.h"
#include "run_records.h"
#include "schedule_rules.h"
#include "trainer.h"

namespace nopos::engine {

/// The run with `--optimizer-overrides`, where the optimizer is restored from a checkpoint.
RunConfig with_overrides(RunConfig config);

class TrainingRun {
 public:
  /// Builds everything and restores the checkpoint that the options name, if there is one. \throws Error
  TrainingRun(const RunConfig& config, Console& console);

  /// Trains until a rule or a signal stops it. \throws Error
  ExitCode run();

  /// One validation of what was restored; `json`: the figures of each subset to standard output as well.
  ExitCode validate_once(bool json);

 private:
  enum class Outcome { epoch_done, stopped, interrupted };

  void check_best_metric() const;
  /// Before the first update there is nothing to save: a signal ends the run. \throws Error (stopped)
  void stop_before_training() const;
  void check_rates() const;
  void check_updates_of_epochs(std::int64_t batches) const;
  void restore();
  void settle_epoch();
  Outcome train_epoch();
  /// After an update: validates, saves and decides. `validation_loss_` holds the loss if there was one.
  Outcome after_update(bool end_of_epoch, std::int64_t iterations);
  /// The figures of each subset, in order; fewer after a signal.
  std::vector<std::pair<std::string, Readings>> validate();
  /// What is recorded as the best value, where the log says `best`.
  double exact_best(double best) const;
  void record(const std::string& tag, const Readings& readings) {
    records_->add(tag, epoch_, trainer_.num_updates(), readings);
  }
  void save(bool end_of_epoch, std::int64_t iterations);
  void refuse_diverged();
  void set_way_back(const std::filesystem::path& file, std::int64_t epoch, std::int64_t num_updates);
  RunState state(bool end_of_epoch, std::int64_t iterations);
  double training_seconds() const { return earlier_seconds_ + seconds_now() - started_; }
  std::int64_t update_freq(std::int64_t epoch) const;
  /// Updates of an epoch of so many batches.
  std::int64_t updates_in(std::int64_t epoch, std::int64_t batches) const;
  /// The run from the epoch on that trains, of which `left` updates remain.
  RunSpan span(std::int64_t left, std::int64_t batches) const;
  bool shuffle() const { return epoch_ > dataset_options_.curriculum; }

  const RunConfig& config_;
  Console& console_;
  CommonOptions common_;
  DatasetOptions dataset_options_;
  OptimizationOptions optimization_;
  CheckpointOptions checkpoint_;
  const StopRequest& stop_;
  Components parts_;
  Trainer trainer_;
  CheckpointKeeper keeper_;
  Patience patience_;
  std::optional<RunRecords> records_;  // once it is known where the run begins
  std::vector<ValidationSplit> validation_;
  std::optional<EpochBatches> training_;

  std::int64_t epoch_ = 1, first_iteration_ = 0;  // of the epoch that runs: where it begins, after a resume
  std::int64_t epoch_iterations_ = 0;
  bool trained_ = false;               // an update of this run has begun
  std::optional<RunState> to_settle_;  // of a file that may stand at the end of its epoch
  std::optional<double> validation_loss_;
  std::optional<std::pair<double, double>> best_;  // as it is logged and kept, and what it was rounded from
  std::string diverged_;                           // which loss of the last validation was not finite
  std::optional<TokenBatch> last_batch_;           // of the last update
  std::string way_back_ = "no checkpoint was saved before";
  std::int64_t saved_updates_ = -1;  // when the last checkpoint was saved
  double started_ = seconds_now(), earlier_seconds_ = 0;
  std::int64_t first_update_ = 0;  // made before this process
  BackgroundTask saving_;          // last: it ends before what it uses
};

}  // namespace nopos::engine
