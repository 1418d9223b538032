#include "nopos/dropout.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "dropout_draw.h"

namespace nopos {
namespace {

struct Dropout : torch::autograd::Function<Dropout> {
  // x [...] -> the same shape
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, double p,
                            std::int64_t key) {
    ctx->saved_data["p"] = p;
    ctx->saved_data["key"] = key;
    return dropped(x, p, key);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const double p = ctx->saved_data["p"].toDouble();
    return {apply(grads[0], p, ctx->saved_data["key"].toInt()), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor apply_dropout(const at::Tensor& x, double p, bool training) {
  if (!training || p == 0) return x;
  if (x.is_cpu()) return Dropout::apply(x, p, draw_dropout_key());
  return std::get<0>(at::native_dropout(x, p, training));
}

}  // namespace nopos
