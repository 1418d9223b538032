#include "nopos/nn/dropout.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "dropout_draw.h"

namespace nopos {
namespace {

struct Dropout : torch::autograd::Function<Dropout> {
  // x [...] -> the same shape
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, double p,
                            const DropoutChoice& choice) {
    ctx->saved_data["p"] = p;
    ctx->saved_data["key"] = choice.key;
    ctx->save_for_backward({choice.mask});
    return dropped(x, p, choice);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const double p = ctx->saved_data["p"].toDouble();
    const DropoutChoice choice{ctx->saved_data["key"].toInt(), ctx->get_saved_variables()[0]};
    return {apply(grads[0], p, choice), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor apply_dropout(const at::Tensor& x, double p, bool training) {
  if (!training || p == 0) return x;
  if (x.is_cpu()) return Dropout::apply(x, p, choose(x, p));
  return std::get<0>(at::native_dropout(x, p, training));
}

}  // namespace nopos
