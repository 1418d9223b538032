#include "nopos/nn/layer_norm.h"

#include <ATen/ATen.h>

#include "widen.h"

namespace nopos {

LayerNorm::LayerNorm(std::int64_t dim, double eps)
    : weight_(register_parameter("weight", at::ones({dim}))),
      bias_(register_parameter("bias", at::zeros({dim}))),
      eps_(eps) {}

at::Tensor LayerNorm::forward(const at::Tensor& x) const {
  // x [...,dim] -> the same
  return at::layer_norm(x, weight_.sizes(), widened_to(x, weight_), widened_to(x, bias_), eps_);
}

RMSNorm::RMSNorm(std::int64_t dim, double eps)
    : weight_(register_parameter("weight", at::ones({dim}))), eps_(eps) {}

at::Tensor RMSNorm::forward(const at::Tensor& x) const {
  // x [...,dim] -> the same
  const at::Tensor wide = x.to(at::promote_types(x.scalar_type(), at::ScalarType::Float));
  const at::Tensor scale = (wide.square().mean(-1, /*keepdim=*/true) + eps_).rsqrt();
  return (wide * scale * weight_).to(x.scalar_type());
}

}  // namespace nopos
