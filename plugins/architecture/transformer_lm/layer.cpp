#include "layer.h"

#include <ATen/ATen.h>
#include <nopos/nn/dropout.h>

namespace transformer_lm {

Layer::Layer(const Options& o) : normalize_before_(o.decoder_normalize_before), dropout_(o.dropout) {
  const std::int64_t dim = o.decoder_embed_dim;
  const auto norm = [&](const char* name, std::int64_t width) {
    return register_module(name, std::make_shared<nopos::LayerNorm>(width));
  };
  if (o.scale_heads) head_scales_ = register_parameter("c_attn", at::ones({o.decoder_attention_heads}));
  if (o.scale_resids) residual_scales_ = register_parameter("w_resid", at::ones({dim}));
  self_attn_ = register_module(
      "self_attn", std::make_shared<nopos::MultiheadAttention>(nopos::AttentionShape{
                       .dim = dim, .heads = o.decoder_attention_heads, .dropout = o.attention_dropout}));
  if (o.scale_attn) attention_norm_ = norm("attn_ln", dim);
  self_attn_layer_norm_ = norm("self_attn_layer_norm", dim);
  const auto inner_norm = o.scale_fc ? norm("ffn_layernorm", o.decoder_ffn_embed_dim) : nullptr;
  feed_forward_ = std::make_shared<nopos::FeedForward>(
      *this, dim, o.decoder_ffn_embed_dim, nopos::activation(o.activation_fn),
      o.activation_dropout > 0 ? o.activation_dropout : o.relu_dropout);
  feed_forward_->inner_norm = inner_norm;
  final_layer_norm_ = norm("final_layer_norm", dim);
}

at::Tensor Layer::forward(at::Tensor x, nopos::ForwardPass& pass, std::int64_t index) const {
  x = pass.layer_input(index, x);
  x = residual(std::move(x), *self_attn_layer_norm_, {},
               [&](const at::Tensor& y) { return attended(y, pass, index); });
  return residual(std::move(x), *final_layer_norm_, residual_scales_,
                  [&](const at::Tensor& y) { return feed_forward_->forward(y, is_training()); });
}

at::Tensor Layer::attended(const at::Tensor& x, nopos::ForwardPass& pass, std::int64_t index) const {
  // x [B,T,C] -> [B,T,C]
  at::Tensor y = self_attn_->forward(x, pass, index);
  if (head_scales_.defined()) {
    const at::Tensor heads = y.view({y.size(0), y.size(1), head_scales_.size(0), -1});
    y = heads.mul(head_scales_.unsqueeze(1)).view(y.sizes());
  }
  return attention_norm_ ? attention_norm_->forward(y) : y;
}

template <class SubLayer>
at::Tensor Layer::residual(at::Tensor x, const nopos::LayerNorm& norm, const at::Tensor& scale,
                           const SubLayer& sub_layer) const {
  const at::Tensor y = sub_layer(normalize_before_ ? norm.forward(x) : x);
  x = nopos::apply_dropout(y, dropout_, is_training()).add_(scale.defined() ? x.mul(scale) : x);
  return normalize_before_ ? x : norm.forward(x);
}

}  // namespace transformer_lm
