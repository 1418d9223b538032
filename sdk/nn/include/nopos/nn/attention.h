#pragma once
/// Multi-head self-attention, driven by what the positional encodings declare and by what the model lets each
/// query see. Vaswani et al. 2017, arXiv 1706.03762, section 3.2; keys shared by groups of queries: Ainslie
/// et al. 2023, arXiv 2305.13245.

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "nopos/forward_pass.h"
#include "nopos/nn/layer_norm.h"
#include "nopos/nn/linear.h"

namespace nopos {

/// Fields may be added at the end.
struct AttentionShape {
  std::int64_t dim = 0;        ///< C, of the input and of the result
  std::int64_t heads = 0;      ///< H, of queries
  std::int64_t key_heads = 0;  ///< Hk, of keys and values, a divisor of H; 0: H
  std::int64_t head_dim = 0;   ///< D, of queries and keys; 0: C/H
  std::int64_t value_dim = 0;  ///< Dv, of values; 0: D
  double dropout = 0;          ///< of the attention weights
  bool bias = true;            ///< whether the four maps have one
  bool qk_norm = false;        ///< an RMSNorm of each head's queries and keys, before encodings see them
};

/// Its parameters are `k_proj`, `v_proj`, `q_proj` and `out_proj`, made and initialized in fairseq's order,
/// and `q_norm` and `k_norm` where the shape asks for norms (Henry et al. 2020, arXiv 2010.04245).
class MultiheadAttention : public torch::nn::Module {
 public:
  /// \throws Error (configuration) where the numbers of `shape` do not fit each other
  explicit MultiheadAttention(const AttentionShape& shape);

  /// x [B,T,C] -> [B,T,C]; `layer` counts the layers with attention.
  ///
  /// The way is chosen from what the layer's encodings declare: a fused kernel that keeps no [T,T] tensor
  /// (bias by distance or key, relative terms, windows, documents), a kernel for one decoded token, ATen's
  /// own where nothing is declared, or the formula in plain operations for everything else, and for all where
  /// the environment says NOPOS_ATTENTION=explicit.
  at::Tensor forward(const at::Tensor& x, ForwardPass& pass, std::int64_t layer) const;

 private:
  Heads projected(const Heads& inputs) const;

  AttentionShape shape_;
  std::shared_ptr<Linear> k_proj_, v_proj_, q_proj_, out_proj_;
  std::shared_ptr<RMSNorm> q_norm_, k_norm_;  // or null
};

}  // namespace nopos
