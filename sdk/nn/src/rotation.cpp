#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "nopos/positional_encoding.h"

namespace nopos {
namespace {

struct CosSin {
  at::Tensor cos, sin;  // [B|1,1,T,R/2]
};

at::Tensor turned(const at::Tensor& x, const CosSin& by, PairLayout layout) {
  // x [B,H,T,D] -> [B,H,T,D]
  const std::int64_t half = by.cos.size(-1), rotary = 2 * half;
  const at::Tensor part = x.narrow(-1, 0, rotary).to(by.cos.scalar_type());
  at::Tensor y;
  if (layout == PairLayout::half) {
    const at::Tensor a = part.narrow(-1, 0, half), b = part.narrow(-1, half, half);
    y = at::cat({a * by.cos - b * by.sin, a * by.sin + b * by.cos}, -1);
  } else {
    const at::Tensor pairs = part.unflatten(-1, {half, 2});
    const at::Tensor a = pairs.select(-1, 0), b = pairs.select(-1, 1);
    y = at::stack({a * by.cos - b * by.sin, a * by.sin + b * by.cos}, -1).flatten(-2);
  }
  y = y.to(x.scalar_type());
  return rotary == x.size(-1) ? y : at::cat({y, x.narrow(-1, rotary, x.size(-1) - rotary)}, -1);
}

/// The way back of a rotation is the opposite one: of all that forward makes, the angles alone are kept.
struct Rotation : torch::autograd::Function<Rotation> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, const at::Tensor& cos,
                            const at::Tensor& sin, std::int64_t layout) {
    ctx->save_for_backward({cos, sin});
    ctx->saved_data["layout"] = layout;
    return turned(x, {cos, sin}, static_cast<PairLayout>(layout));
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const auto layout = static_cast<PairLayout>(ctx->saved_data["layout"].toInt());
    return {turned(grads[0], {saved[0], -saved[1]}, layout), {}, {}, {}};
  }
};

}  // namespace

at::Tensor rotated(const at::Tensor& x, const at::Tensor& angles, PairLayout layout, double gain) {
  // x [B,H,T,D], angles [B|1,T,R/2] -> [B,H,T,D]
  const at::ScalarType type =
      at::promote_types(at::promote_types(x.scalar_type(), angles.scalar_type()), at::ScalarType::Float);
  const at::Tensor wide = angles.to(type).unsqueeze(1);
  const CosSin by = gain == 1 ? CosSin{wide.cos(), wide.sin()} : CosSin{wide.cos() * gain, wide.sin() * gain};
  if (angles.requires_grad()) return turned(x, by, layout);
  // unrotated channels are not multiplied by the gain, and pass through backward as they are
  return Rotation::apply(x, by.cos, by.sin, static_cast<std::int64_t>(layout));
}

}  // namespace nopos
