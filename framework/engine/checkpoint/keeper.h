#pragma once
/// Which checkpoints a run writes, under which names, which it removes, and which it starts from: the rules
/// of fairseq. The decisions are pure functions of names; `CheckpointKeeper` carries them out.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint.h"
#include "checkpoint_options.h"

namespace nopos::engine {

/// A moment at which the trainer saves.
struct SavePoint {
  std::int64_t epoch = 1;  ///< the epoch that runs, or the one that has just ended
  std::int64_t num_updates = 0;
  bool end_of_epoch = false;
  /// Of `--best-checkpoint-metric`, as logged (rounded); nothing where no validation was due.
  std::optional<double> validation_loss;
};

/// The better of a new value and the best so far. One that is not finite is none.
std::optional<double> better(const CheckpointOptions& options, std::optional<double> value,
                             std::optional<double> best);

/// Names to write at `point`, the first one first; the others are copies of it. `best` counts the value of
/// `point` already; `existing` are the names in the folder.
std::vector<std::string> names_to_write(const CheckpointOptions& options, const SavePoint& point,
                                        std::optional<double> best, const std::vector<std::string>& existing);

/// Names to remove once those of `point` are written.
std::vector<std::string> names_to_remove(const CheckpointOptions& options, bool end_of_epoch,
                                         const std::vector<std::string>& existing);

/// What a run starts from.
struct RestorePlan {
  std::filesystem::path file;  ///< may not exist: then the run starts afresh
  LoadOptions load;
  bool required = false;  ///< the user named the file, so that its absence is an error
};
/// \throws Error (configuration) for flags that exclude each other.
RestorePlan restore_plan(const CheckpointOptions& options);

class CheckpointKeeper {
 public:
  /// Unless `--no-save`: makes `--save-dir`, tries to write there, and removes what an interrupted save left.
  /// \throws Error (configuration) naming folder and reason.
  explicit CheckpointKeeper(CheckpointOptions options);

  /// Best value of `--best-checkpoint-metric` so far; `plan` takes in that of its point.
  std::optional<double> best() const { return best_; }
  /// One that is not finite, of a run that diverged, is none.
  void restore_best(std::optional<double> best) { best_ = better(options_, best, std::nullopt); }

  /// The files to write at `point`, from those in the folder: an earlier `save` must have ended.
  std::vector<std::filesystem::path> plan(const SavePoint& point);

  /// Has `write` write the first of the files that `plan` returned, copies it to the other names and prunes.
  /// Any thread may call it. \throws Error (runtime) naming file and reason; earlier checkpoints are then
  /// untouched.
  void save(const SavePoint& point, const std::vector<std::filesystem::path>& files,
            const std::function<void(const std::filesystem::path&)>& write) const;

 private:
  CheckpointOptions options_;
  std::filesystem::path folder_;
  std::optional<double> best_;
};

}  // namespace nopos::engine
