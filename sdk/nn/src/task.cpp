#include "nopos/task.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/grad_mode.h>

#include "nopos/finite_trace.h"

namespace nopos {
namespace {

void run_backward(const at::Tensor& loss, double scale) {
  try {
    loss.backward(at::full_like(loss, scale));
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw BackwardFailed(reason_of(error));
  } catch (...) {
    throw BackwardFailed("an exception of an unknown type");
  }
}

}  // namespace

CriterionResult Task::step(Architecture& model, Criterion& criterion, const Batch& batch, const Step& step) {
  const at::AutoGradMode gradients(step.training);
  CriterionResult result = criterion.forward(model, batch);
  if (step.training) run_backward(result.loss, step.loss_scale);
  result.loss = result.loss.detach();
  return result;
}

}  // namespace nopos
