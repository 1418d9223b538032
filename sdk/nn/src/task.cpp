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

CriterionResult Task::step(Architecture& model, Criterion& criterion, const Batch& batch, bool training,
                           double loss_scale) {
  const at::AutoGradMode gradients(training);
  CriterionResult result = criterion.forward(model, batch);
  if (training) run_backward(result.loss, loss_scale);
  result.loss = result.loss.detach();
  return result;
}

}  // namespace nopos
