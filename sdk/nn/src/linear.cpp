#include "nopos/nn/linear.h"

#include <ATen/ATen.h>

#include "bfloat16_maps.h"
#include "bfloat16_product.h"
#include "nopos/nn/initial_weights.h"
#include "widen.h"

namespace nopos {

Linear::Linear(std::int64_t in, std::int64_t out, bool with_bias)
    : weight_(register_parameter("weight", at::empty({out, in}))) {
  if (with_bias) bias_ = register_parameter("bias", at::empty({out}));
  init_linear_(weight_, bias_);
}

Linear::Linear(const at::Tensor& weight, bool transposed)
    : weight_(register_parameter("weight", weight)), tied_(true), transposed_(transposed) {}

at::Tensor Linear::forward(const at::Tensor& x) const {
  // x [...,in] -> [...,out]
  const at::Tensor noisy = widened_to(x, noisy_weight(weight_, is_training()));
  if (has_bfloat16_product(x, noisy)) {
    const at::Tensor y = bfloat16_map(x, {transposed_ ? noisy.t() : noisy, widened_to(x, bias_)});
    return noisy_output(y, is_training());
  }
  const at::Tensor weight = transposed_ ? noisy : noisy.t();
  const at::Tensor rows = x.dim() == 2 ? x : x.reshape({-1, x.size(-1)});
  at::Tensor y = bias_.defined() ? at::addmm(widened_to(x, bias_), rows, weight) : at::mm(rows, weight);
  y = noisy_output(std::move(y), is_training());
  if (x.dim() == 2) return y;
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = y.size(1);
  return at::_unsafe_view(y, shape);  // not a view for autograd, so that callers may work in place
}

void Linear::pretty_print(std::ostream& stream) const {
  stream << "Linear(" << weight_.size(transposed_ ? 0 : 1) << " -> " << weight_.size(transposed_ ? 1 : 0)
         << (tied_ ? ", tied)" : ")");
}

}  // namespace nopos
