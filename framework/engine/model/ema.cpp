#include "ema.h"

#include <ATen/ATen.h>

#include <map>

#include "checkpoint/state_dict.h"

namespace nopos::engine {
namespace {

/// Copies, floating point in `type`; tensors that are one in the model stay one.
StateDict copies(const Architecture& model, at::ScalarType type) {
  std::map<const void*, at::Tensor> known;
  StateDict state;
  for (const auto& [name, tensor] : state_dict(model)) {
    at::Tensor& mine = known[tensor.unsafeGetTensorImpl()];
    if (!mine.defined()) {
      const at::Tensor values = tensor.detach();
      mine = values.to(tensor.is_floating_point() ? type : tensor.scalar_type(), /*non_blocking=*/false,
                       /*copy=*/true);
    }
    state.emplace_back(name, mine);
  }
  return state;
}

}  // namespace

Ema::Ema(const EmaOptions& options, const Architecture& model, at::ScalarType type)
    : options_(options), decay_(options.ema_decay) {
  state_.weights = copies(model, type);
  if (options.ema_fp32) state_.in_float = copies(model, at::kFloat);
}

void Ema::step(const Architecture& model, std::int64_t num_updates) {
  const at::NoGradGuard no_grad;
  decay_ = num_updates < options_.ema_start_update ? 0 : options_.ema_decay;
  if (++state_.updates_since_step < options_.ema_update_freq) return;
  state_.updates_since_step = 0;
  const StateDict& averages = options_.ema_fp32 ? state_.in_float : state_.weights;
  const StateDict weights = state_dict(model);
  std::map<const void*, bool> done;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto& [name, average] = averages[i];
    // tied parameters once; a version of a format is no weight
    if (name.find("version") != std::string::npos || !average.is_floating_point() ||
        std::exchange(done[average.unsafeGetTensorImpl()], true)) {
      continue;
    }
    average.mul_(decay_).add_(weights[i].second.detach().to(average.scalar_type()), 1 - decay_);
    if (options_.ema_fp32) state_.weights[i].second.copy_(average);
  }
}

}  // namespace nopos::engine
