#pragma once
/// Checkpoints: fairseq's container (zip of a plain pickle and raw storages) and keys, written
/// atomically. docs/checkpoints.md describes the format.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nopos/architecture.h"
#include "nopos/parameter_slab.h"
#include "nopos/task.h"
#include "run_config.h"
#include "run_progress.h"
#include "state_dict.h"

namespace nopos::engine {

/// The dictionary and tokenizer of a task's data.
DictionaryMark mark_of(const Task& task);

/// A moving average of the weights: the model's parameters and buffers under its names.
struct EmaState {
  StateDict weights;
  StateDict in_float;  ///< the same in float32; empty without `--ema-fp32`
  std::int64_t updates_since_step = 0;
};

/// Everything of a run beyond parameters and optimizer state. `dictionary` is `mark_of` the task's.
struct RunState : RunProgress {
  std::optional<double> lr;       ///< of the next update; nothing: that of the last
  const EmaState* ema = nullptr;  ///< to be saved
  at::Tensor random_state;        ///< of the CPU generator, uint8
};

/// A checkpoint in memory, to be written.
class Composition;

/// Whether a composition has tensors of its own, so that training may go on while it is written.
enum class Tensors { shared, copied };

/// Composes a checkpoint of the run as it is now.
std::shared_ptr<const Composition> compose_checkpoint(const Architecture& model, const ParameterSlab& slab,
                                                      const Optimizer& optimizer, const RunState& state,
                                                      const RunConfig& config, Tensors tensors);

/// Writes `file` atomically: a temporary beside it, flushed, then renamed. Any thread may call it.
/// \throws Error (runtime) naming file and reason.
void write_checkpoint(const std::filesystem::path& file, const Composition& composition);

/// Both at once.
void save_checkpoint(const std::filesystem::path& file, const Architecture& model, const ParameterSlab& slab,
                     const Optimizer& optimizer, const RunState& state, const RunConfig& config);

struct LoadOptions {
  /// Leave out a part, as the flags of the same names. Without the optimizer `num_updates` is 0.
  bool reset_optimizer = false, reset_lr_scheduler = false, reset_meters = false, reset_dataloader = false;
  DictionaryMark dictionary;  ///< of this run
  /// Restored too, from the checkpoint's average or, with a notice, from its model.
  EmaState* ema = nullptr;
};

struct LoadedCheckpoint {
  RunState state;
  /// Lines for the log: settings that differ from those the checkpoint was trained with. This run's hold.
  std::vector<std::string> notices;
};

/// Restores parameters, buffers and, unless left out, the optimizer from `file`, and returns the rest.
/// Everything is checked, checksums included, before the model is touched.
/// \throws Error (data) for a damaged file, one of another model (naming the first tensors that differ on
/// both sides) or one trained with another dictionary or tokenizer; Error (configuration) where the
/// criterion, optimizer or encodings of this run cannot continue it.
LoadedCheckpoint load_checkpoint(const std::filesystem::path& file, Architecture& model, ParameterSlab& slab,
                                 Optimizer& optimizer, const RunConfig& config, const LoadOptions& options);

/// Restores an average of `model`'s weights from the moving average that `file` keeps.
/// \throws Error (data), also where it keeps none
void load_ema(const std::filesystem::path& file, const EmaState& average, const Architecture& model,
              const DictionaryMark& dictionary);

/// Gives a model that is only evaluated the parameters of `file`, of ours or of fairseq, with fairseq's
///  upgrades of older files. They stay where they are, in the file and in its precision: the model
/// takes no memory of its own for them, and must not be changed. Buffers are copied. Everything is checked
/// before the model is touched. \throws Error (data)
void load_model(const std::filesystem::path& file, Architecture& model, const DictionaryMark& dictionary);

}  // namespace nopos::engine
