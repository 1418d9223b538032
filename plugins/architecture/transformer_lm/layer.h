#pragma once
/// One layer of the decoder: causal self-attention, then the feed-forward part, each inside a residual sum.

#include <nopos/nn/attention.h>
#include <nopos/nn/feed_forward.h>
#include <nopos/nn/layer_norm.h>

#include "options.h"

namespace transformer_lm {

class Layer final : public torch::nn::Module {
 public:
  explicit Layer(const Options& options);

  /// x [B,T,C] -> [B,T,C]; `index` is what the encoding's hooks are told.
  at::Tensor forward(at::Tensor x, nopos::ForwardPass& pass, std::int64_t index) const;

 private:
  at::Tensor attended(const at::Tensor& x, nopos::ForwardPass& pass, std::int64_t index) const;
  template <class SubLayer>
  at::Tensor residual(at::Tensor x, const nopos::LayerNorm& norm, const at::Tensor& scale,
                      const SubLayer& sub_layer) const;

  at::Tensor head_scales_, residual_scales_;  // [H], [C], or undefined
  std::shared_ptr<nopos::MultiheadAttention> self_attn_;
  std::shared_ptr<nopos::LayerNorm> attention_norm_;  // or nothing
  std::shared_ptr<nopos::LayerNorm> self_attn_layer_norm_;
  std::shared_ptr<nopos::FeedForward> feed_forward_;
  std::shared_ptr<nopos::LayerNorm> final_layer_norm_;
  bool normalize_before_;
  double dropout_;
};

}  // namespace transformer_lm
