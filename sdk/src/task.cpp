#include "nopos/task.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/grad_mode.h>

namespace nopos {

CriterionResult Task::step(Architecture& model, Criterion& criterion, const Batch& batch, bool training) {
  const at::AutoGradMode gradients(training);
  CriterionResult result = criterion.forward(model, batch);
  if (training) result.loss.backward();
  result.loss = result.loss.detach();
  return result;
}

}  // namespace nopos
