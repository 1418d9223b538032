#pragma once
/// What a run left behind, whoever wrote the file: read from our files and from those of any version of
/// fairseq, and written with the keys of fairseq. Tensors are nodes of the file's tree.

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint_file.h"
#include "run_config.h"
#include "run_progress.h"

namespace nopos {

/// The states of the model's parameters, in the order of the file's optimizer.
struct SavedOptimizer {
  /// By name, as `parameter_state` makes them; null: never touched. `--fp16` keeps a single one for all
  /// parameters in a row.
  std::vector<Pickle::Node> states;
  Pickle::Pairs group;  ///< options of the optimizer
};

struct SavedState : RunProgress {
  Pickle::Node model = nullptr;  ///< tensors by name
  bool model_in_half = false;    ///< written: fairseq expects the scale of the loss beside the optimizer
  bool has_optimizer = false;    ///< else the run had `--no-save-optimizer-state`, or it was not asked for
  SavedOptimizer optimizer;
  std::vector<std::string> parameters;  ///< names in the order of the optimizer; fairseq keeps none
  std::vector<std::int64_t> steps;      ///< updates of each of `parameters` or, without names, of each state
  std::vector<Pickle::Node> masters;    ///< ours: float32 copies of `parameters`
  bool has_masters = false;
  Pickle::Node ema = nullptr, ema_in_float = nullptr;  ///< averages, tensors by name; null: none
  std::int64_t ema_updates = 0;                        ///< since the average's last step
  Pickle::Node random_state = nullptr;                 ///< ours: of the CPU generator; null: none
};

/// Parts that a reader takes. What is left out has the value of a fresh run.
struct StateParts {
  bool optimizer = true;     ///< with the number of updates and the scale of the loss
  bool lr_scheduler = true;  ///< only with the optimizer
  bool meters = true, best = true, place = true;
};

/// Reads a file of ours or of fairseq: where an older file of fairseq lacks something, it has the value that
/// fairseq gives it; ours lack nothing. `dictionary` is left as it is. \throws Error (data)
SavedState read_state(const CheckpointFile& file, const StateParts& parts);

/// The model's tensors by name. \throws Error (data)
const PickleNode& saved_model_tensors(const CheckpointFile& file);

/// The moving average of the model's weights; null: the file has none.
const PickleNode* saved_average(const CheckpointFile& file);

/// State of the last optimizer; null where it was not saved.
const PickleNode* saved_optimizer(const CheckpointFile& file);

/// The class that the last run had for "criterion" or "optimizer", as fairseq names it; `otherwise` where a
/// file does not say, and nothing where it has no history at all.
std::optional<std::string> saved_class(const CheckpointFile& file, const std::string& kind,
                                       const std::string& otherwise);

/// One state of `SavedOptimizer`. `step` is left out where the optimizer does not count.
Pickle::Node parameter_state(Pickle& pickle, std::optional<std::int64_t> step, const Pickle::Pairs& tensors);

/// The whole tree of one of our files. The nodes in `state` belong to `pickle`.
Pickle::Node checkpoint_tree(Pickle& pickle, const SavedState& state, const RunConfig& config);

}  // namespace nopos
