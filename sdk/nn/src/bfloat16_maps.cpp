#include "bfloat16_maps.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <optional>
#include <vector>

#include "bfloat16_product.h"
#include "float_runs.h"
#include "nopos/nn/simd.h"
#include "vector_math.h"
#include "widen.h"

namespace nopos {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using BelowAutograd = at::AutoDispatchBelowADInplaceOrView;

at::Tensor rows(const at::Tensor& x) { return x.reshape({-1, x.size(-1)}).contiguous(); }

/// y [N,C] -> [...,C] with the other dimensions of `like`
at::Tensor shaped_as(const at::Tensor& like, const at::Tensor& y) {
  std::vector<std::int64_t> shape = like.sizes().vec();
  shape.back() = y.size(1);
  return at::_unsafe_view(y, shape);
}

struct Map : torch::autograd::Function<Map> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    ctx->save_for_backward({x, weight});
    ctx->saved_data["with_bias"] = bias.has_value();
    const BelowAutograd guard;
    return shaped_as(x, bfloat16_product(rows(x), weight.t(), bias.value_or(at::Tensor())));
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const BelowAutograd guard;
    const at::Tensor grad = rows(grads[0]);
    variable_list result(3);
    if (ctx->needs_input_grad(0)) result[0] = shaped_as(x, bfloat16_product(grad, weight));
    if (ctx->needs_input_grad(1)) result[1] = bfloat16_product(grad.t(), rows(x));
    if (ctx->saved_data["with_bias"].toBool()) result[2] = grad.sum(0);
    return result;
  }
};

struct HeadMaps : torch::autograd::Function<HeadMaps> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, std::int64_t heads,
                               const at::Tensor& weight_0, const at::Tensor& bias_0,
                               const at::Tensor& weight_1, const at::Tensor& bias_1,
                               const at::Tensor& weight_2, const at::Tensor& bias_2) {
    ctx->save_for_backward({x, weight_0, weight_1, weight_2});
    const BelowAutograd guard;
    const at::Tensor input = rows(x);
    const auto by_head = [&](const at::Tensor& weight, const at::Tensor& bias) {
      return bfloat16_product(input, weight.t(), bias)
          .view({x.size(0), x.size(1), heads, -1})
          .transpose(1, 2);
    };
    return {by_head(weight_0, bias_0), by_head(weight_1, bias_1), by_head(weight_2, bias_2)};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor& x = saved[0];
    const BelowAutograd guard;
    const at::Tensor input = rows(x);
    variable_list result(8);
    std::vector<Bfloat16Factors> terms;
    for (std::size_t i = 0; i < 3; ++i) {
      const at::Tensor &weight = saved[i + 1],
                       grad = grads[i].transpose(1, 2).reshape({-1, weight.size(0)}).contiguous();
      terms.push_back({grad, weight});
      result[2 + 2 * i] = bfloat16_product(grad.t(), input);
      result[3 + 2 * i] = grad.sum(0);
    }
    result[0] = shaped_as(x, bfloat16_sum_of_products(terms));
    return result;
  }
};

/// x + bias -> GELU of it, in place, and its slope. The error function is formula 7.1.26 of Abramowitz and
/// Stegun 1964, within 2e-7.
NOPOS_SIMD_CLONES
void gelu(std::int64_t size, const float* __restrict bias, float* __restrict values,
          float* __restrict slopes) {
  constexpr float sqrt_half = 0.70710678f, inverse_sqrt_2_pi = 0.39894228f;
  for (std::int64_t i = 0; i < size; ++i) {
    const float x = values[i] + bias[i];
    const float z = std::fabs(x) * sqrt_half, e = vector_exp(-z * z), t = 1 / (1 + 0.3275911f * z);
    float above = 1.061405429f;
    for (const float a : {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f}) above = above * t + a;
    above *= 0.5f * t * e;                          // of the normal distribution, what lies beyond |x|
    const float below = x < 0 ? above : 1 - above;  // and what lies below x
    values[i] = x * below;
    slopes[i] = below + x * e * inverse_sqrt_2_pi;
  }
}

NOPOS_SIMD_CLONES
void multiply_by(std::int64_t size, const float* __restrict factors, float* __restrict values) {
  for (std::int64_t i = 0; i < size; ++i) values[i] *= factors[i];
}

struct GeluFeedForward : torch::autograd::Function<GeluFeedForward> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight_1,
                            const at::Tensor& bias_1, const at::Tensor& weight_2, const at::Tensor& bias_2) {
    const BelowAutograd guard;
    const at::Tensor input = rows(x);
    const std::int64_t width = weight_1.size(0);
    const at::Tensor active = at::empty({input.size(0), width}, x.options()), slope = at::empty_like(active);
    std::vector<float> bias;
    widened(bias_1, 0, width, bias);
    bfloat16_sum_of_products(
        Bfloat16Factors{input, weight_1.t()}, [&](std::int64_t first, std::int64_t count, float* sums) {
          std::vector<float> slopes(static_cast<std::size_t>(width));
          for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t place = (first + i) * width;
            gelu(width, bias.data(), sums + i * width, slopes.data());
            narrow(width, sums + i * width, active.mutable_data_ptr<at::BFloat16>() + place);
            narrow(width, slopes.data(), slope.mutable_data_ptr<at::BFloat16>() + place);
          }
        });
    ctx->save_for_backward({x, weight_1, weight_2, active, slope});
    return shaped_as(x, bfloat16_product(active, weight_2.t(), bias_2));
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &weight_1 = saved[1], &weight_2 = saved[2], &active = saved[3],
                     &slope = saved[4];
    const BelowAutograd guard;
    const at::Tensor grad = rows(grads[0]), inner = at::empty_like(active);
    const std::int64_t width = active.size(1);
    bfloat16_sum_of_products(
        Bfloat16Factors{grad, weight_2}, [&](std::int64_t first, std::int64_t count, float* sums) {
          std::vector<float> slopes(static_cast<std::size_t>(width));
          for (std::int64_t i = 0; i < count; ++i) {
            widen(width, slope.const_data_ptr<at::BFloat16>() + (first + i) * width, slopes.data());
            multiply_by(width, slopes.data(), sums + i * width);
          }
          narrow(count * width, sums, inner.mutable_data_ptr<at::BFloat16>() + first * width);
        });
    return {shaped_as(x, bfloat16_product(inner, weight_1)), bfloat16_product(inner.t(), rows(x)),
            inner.sum(0), bfloat16_product(grad.t(), active), grad.sum(0)};
  }
};

}  // namespace

AffineWeights affine_weights(const Linear& map, const at::Tensor& x) {
  return {widened_to(x, map.weight()), widened_to(x, map.bias())};
}

at::Tensor bfloat16_map(const at::Tensor& x, const AffineWeights& map) {
  // x [...,in] -> [...,out]
  return Map::apply(x, map.weight, map.bias.defined() ? std::optional(map.bias) : std::nullopt);
}

std::array<at::Tensor, 3> bfloat16_heads(const at::Tensor& x, const std::array<AffineWeights, 3>& maps,
                                         std::int64_t heads) {
  // x [B,T,C] -> of each map [B,H,T,D]
  const variable_list all = HeadMaps::apply(x, heads, maps[0].weight, maps[0].bias, maps[1].weight,
                                            maps[1].bias, maps[2].weight, maps[2].bias);
  return {all[0], all[1], all[2]};
}

at::Tensor bfloat16_feed_forward(const at::Tensor& x, const AffineWeights& first,
                                 const AffineWeights& second) {
  // x [...,C] -> [...,F] -> [...,C]
  return GeluFeedForward::apply(x, first.weight, first.bias, second.weight, second.bias);
}

}  // namespace nopos
