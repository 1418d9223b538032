#pragma once
/// The parts of a run, made by the factories of the plugins that were chosen.

#include <memory>
#include <string>

#include "nopos/architecture.h"
#include "nopos/criterion.h"
#include "nopos/lr_scheduler.h"
#include "nopos/optimizer.h"
#include "nopos/task.h"
#include "run_config.h"

namespace nopos::engine {

/// Everything that an update touches. Order of members is order of construction.
struct Components {
  std::shared_ptr<Task> task;
  std::shared_ptr<Architecture> model;
  std::shared_ptr<Criterion> criterion;
  std::shared_ptr<Optimizer> optimizer;
  std::shared_ptr<LRScheduler> lr_scheduler;
  std::unique_ptr<ParameterSlab> slab;  ///< the model's trainable parameters
};

/// Makes them in the reference's order: the generator is seeded before the task, and the model draws its
/// initial weights from it. \throws Error, as the plugins do
Components make_components(const RunConfig& config);

/// "epoch" lines apart, what a log begins with: the parts' names, the model and its size.
void log_components(const Components& parts, const RunConfig& config);

}  // namespace nopos::engine
