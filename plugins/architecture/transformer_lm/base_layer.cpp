#include "base_layer.h"

#include <ATen/ATen.h>
#include <torch/nn/init.h>

namespace transformer_lm {

/// x + ff2(activation(ff1(norm(x)))); begins as the identity, since ff2's weight begins at zero.
struct BaseLayer::SubLayer final : torch::nn::Module {
  explicit SubLayer(const Options& o) : activation(nopos::activation(o.activation_fn)) {
    norm = register_module("norm", std::make_shared<nopos::LayerNorm>(o.decoder_embed_dim));
    ff1 =
        register_module("ff1", std::make_shared<nopos::Linear>(o.decoder_embed_dim, o.decoder_ffn_embed_dim));
    ff2 =
        register_module("ff2", std::make_shared<nopos::Linear>(o.decoder_ffn_embed_dim, o.decoder_embed_dim));
    const at::NoGradGuard no_grad;
    at::Tensor(ff2->weight()).zero_();
  }

  at::Tensor forward(const at::Tensor& x) const {
    return ff2->forward(nopos::activate(ff1->forward(norm->forward(x)), activation)).add_(x);
  }

  nopos::Activation activation;
  std::shared_ptr<nopos::LayerNorm> norm;
  std::shared_ptr<nopos::Linear> ff1, ff2;
};

BaseLayer::BaseLayer(const Options& o) {
  constexpr std::int64_t experts = 1;
  centroids_ = register_parameter(
      "expert_centroids", torch::nn::init::orthogonal_(at::empty({experts, o.decoder_embed_dim}), 0.1));
  const auto list = register_module("experts", std::make_shared<torch::nn::Module>());
  const auto expert = list->register_module("0", std::make_shared<torch::nn::Module>());
  for (std::int64_t i = 0; i < o.base_sublayers; ++i)
    expert_.push_back(expert->register_module(std::to_string(i), std::make_shared<SubLayer>(o)));
}

at::Tensor BaseLayer::forward(const at::Tensor& x) const {
  const at::Tensor nearness =
      at::matmul(x, centroids_[0].to(x.scalar_type())).sigmoid().unsqueeze(2);  // [B,T,1]
  at::Tensor y = x;
  for (const auto& sub_layer : expert_) y = sub_layer->forward(y);
  return nearness * y + (1 - nearness) * x;
}

}  // namespace transformer_lm
