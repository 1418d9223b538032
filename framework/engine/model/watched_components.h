#pragma once
/// Components whose every call is marked as their plugin's (nopos/plugin_call.h) and whose results are looked
/// at: what a plugin throws, or hands over and cannot be used, is an error that names plugin and hook.

#include <memory>

#include "nopos/criterion.h"
#include "nopos/lr_scheduler.h"
#include "nopos/optimizer.h"
#include "nopos/task.h"

namespace nopos::engine {

std::shared_ptr<Task> watched(std::shared_ptr<Task> task);
std::shared_ptr<Criterion> watched(std::shared_ptr<Criterion> criterion);
std::shared_ptr<Optimizer> watched(std::shared_ptr<Optimizer> optimizer);
std::shared_ptr<LRScheduler> watched(std::shared_ptr<LRScheduler> scheduler);

}  // namespace nopos::engine
