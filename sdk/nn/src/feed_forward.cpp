#include "nopos/nn/feed_forward.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>

#include "bfloat16_maps.h"
#include "bfloat16_product.h"
#include "dropout_draw.h"
#include "nopos/error.h"
#include "nopos/nn/dropout.h"

namespace nopos {
namespace {

struct Named {
  std::string_view name;
  Activation activation;
};
constexpr std::array<Named, 6> activations{{{"relu", Activation::relu},
                                            {"gelu", Activation::gelu},
                                            {"gelu_fast", Activation::gelu_tanh},
                                            {"gelu_accurate", Activation::gelu_tanh},
                                            {"tanh", Activation::tanh},
                                            {"linear", Activation::linear}}};

/// ReLU and dropout in one: the result, which the next map keeps anyway, tells backward where both let
/// through.
struct ReluDropout : torch::autograd::Function<ReluDropout> {
  // x [...] -> the same shape
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, double p) {
    at::Tensor y = x.is_cpu() ? dropped_relu(x, p, choose(x, p))
                              : std::get<0>(at::native_dropout(at::relu(x), p, /*train=*/true));
    ctx->save_for_backward({y});
    ctx->saved_data["p"] = p;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const at::Tensor y = ctx->get_saved_variables()[0];
    const double inverse = dropout_scale(ctx->saved_data["p"].toDouble());
    return {at::threshold_backward(grads[0], y, 0).mul_(inverse), at::Tensor()};
  }
};

}  // namespace

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const Named& named : activations) names.emplace_back(named.name);
  return names;
}

Activation activation(std::string_view name) {
  for (const Named& named : activations) {
    if (named.name == name) return named.activation;
  }
  throw Error(ExitCode::configuration,
              "unknown activation '" + std::string(name) + "'" + did_you_mean(name, activation_names()));
}

at::Tensor activate(at::Tensor x, Activation activation) {
  switch (activation) {
    case Activation::relu:
      return at::relu_(x);  // its backward needs the result alone
    case Activation::gelu:
      return at::gelu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::tanh:
      return at::tanh_(x);
    case Activation::silu:
      return at::silu(x);
    case Activation::linear:
      break;
  }
  return x;
}

FeedForward::FeedForward(torch::nn::Module& layer, std::int64_t dim, std::int64_t inner_dim,
                         Activation activation, double dropout)
    : fc1(layer.register_module("fc1", std::make_shared<Linear>(dim, inner_dim))),
      fc2(layer.register_module("fc2", std::make_shared<Linear>(inner_dim, dim))),
      activation(activation),
      dropout(dropout) {}

at::Tensor FeedForward::forward(const at::Tensor& x, bool training) const {
  // x [...,C] -> [...,F] -> [...,C]
  const bool gelu_alone = activation == Activation::gelu && !(training && dropout > 0) && !inner_norm &&
                          !fc1->has_noise() && !fc2->has_noise();
  if (gelu_alone && x.requires_grad() && has_bfloat16_product(x, fc1->weight()))
    return bfloat16_feed_forward(x, affine_weights(*fc1, x), affine_weights(*fc2, x));
  const at::Tensor inner = fc1->forward(x);
  const bool both = activation == Activation::relu && training && dropout > 0;
  const at::Tensor active = both ? ReluDropout::apply(inner, dropout)
                                 : apply_dropout(activate(inner, activation), dropout, training);
  return fc2->forward(inner_norm ? inner_norm->forward(active) : active);
}

GatedFeedForward::GatedFeedForward(std::int64_t dim, std::int64_t inner_dim, Activation activation,
                                   double dropout)
    : gate_(register_module("gate_proj", std::make_shared<Linear>(dim, inner_dim, /*with_bias=*/false))),
      up_(register_module("up_proj", std::make_shared<Linear>(dim, inner_dim, /*with_bias=*/false))),
      down_(register_module("down_proj", std::make_shared<Linear>(inner_dim, dim, /*with_bias=*/false))),
      activation_(activation),
      dropout_(dropout) {}

at::Tensor GatedFeedForward::forward(const at::Tensor& x) const {
  // x [...,C] -> [...,F] -> [...,C]
  const at::Tensor inner = activate(gate_->forward(x), activation_) * up_->forward(x);
  return down_->forward(apply_dropout(inner, dropout_, is_training()));
}

}  // namespace nopos
