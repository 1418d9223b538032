#pragma once
/// The parts of a run, made by the factories of the plugins that were chosen.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ema.h"
#include "loss_scale.h"
#include "nopos/architecture.h"
#include "nopos/criterion.h"
#include "nopos/encodings.h"
#include "nopos/lr_scheduler.h"
#include "nopos/parameter_slab.h"
#include "nopos/task.h"
#include "run_config.h"

namespace nopos::engine {

/// Everything that an update touches. Order of members is order of construction.
struct Components {
  std::shared_ptr<Task> task;
  std::shared_ptr<Architecture> model;
  std::shared_ptr<Encodings> encodings;  ///< of the model; null where it has none
  std::shared_ptr<Criterion> criterion;
  std::shared_ptr<Optimizer> optimizer;
  std::shared_ptr<LRScheduler> lr_scheduler;
  std::unique_ptr<ParameterSlab> slab;    ///< the model's trainable parameters
  std::unique_ptr<LossScale> loss_scale;  ///< null where losses are not scaled
  std::unique_ptr<Ema> ema;               ///< null without `--store-ema`
};

/// Makes them in fairseq's order: the generator is seeded before the task, and the model draws its
/// initial weights from it. \throws Error, as the plugins do
Components make_components(const RunConfig& config);

/// The task alone, and a model for its dictionaries. `tokens_per_sample` and `max_target_positions` are the
/// task's where they are not given. \throws Error, as the plugins do
std::shared_ptr<Task> make_task(const RunConfig& config);
std::shared_ptr<Architecture> make_model(const RunConfig& config, const Task& task,
                                         std::optional<std::int64_t> tokens_per_sample = {},
                                         std::optional<std::int64_t> max_target_positions = {});

/// For people: "layers 0-2: rope@4096; 3: none"; empty where all layers have the same.
std::string encodings_by_layer(const RunConfig& config, const Architecture& model);

/// Numbers in the model's parameters; those that several modules share count once.
std::int64_t parameter_count(const Architecture& model, bool trained_only = false);

/// The lines of `RunConfig::head`.
void log_head(const RunConfig& config);

/// "epoch" lines apart, what a log begins with: the parts' names, the model and its size.
void log_components(const Components& parts, const RunConfig& config);

}  // namespace nopos::engine
