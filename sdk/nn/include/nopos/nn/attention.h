#pragma once
/// Multi-head self-attention, driven by what the positional encoding declares and by what the model lets each
/// query see. Vaswani et al. 2017, arXiv 1706.03762, section 3.2.

#include <torch/nn/module.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "nopos/forward_pass.h"
#include "nopos/nn/linear.h"
#include "nopos/positional_encoding.h"

namespace nopos {

/// The declared biases as tensors: causal mask and bias combined, built once and shared by all layers.
///
/// Biases without gradients are kept between forwards and grow with the longest sequence seen; of a shorter
/// one a part is cut out of them. Biases with gradients live for one forward. `DenseBias` is asked every
/// time.
class BiasMasks {
 public:
  /// Discards what must not outlive a forward pass.
  void begin_forward();

  /// Of whole sequences whose tokens stand at positions 0, 1, ...: q [B,H,T,D] -> [1,H,T,T] ([B,H,T,T] where
  /// a dense or outer bias is so), of `like`'s type and device: what is added to the scores, -inf where the
  /// key comes after the query.
  at::Tensor mask(const AttentionBias& bias, const at::Tensor& q, const at::Tensor& like);

 private:
  struct Entry {
    std::vector<at::Tensor> sources;  // the tensors that the terms hold: an entry is known by them
    std::vector<std::int64_t> kinds;  // and by the sort of each term, and the numbers it holds
    at::Tensor mask;                  // [1,H,M,M]
    bool constant = true;
  };
  std::vector<Entry> entries_;
};

class MultiheadAttention : public torch::nn::Module {
 public:
  /// `dropout` is applied to the attention weights. \throws Error (configuration) if `heads` does not divide
  /// `dim`.
  MultiheadAttention(std::int64_t dim, std::int64_t heads, double dropout);

  /// x [B,T,C] -> [B,T,C]; `layer` counts the layers with attention.
  ///
  /// Whole sequences of causal models go by fast kernels. What continues a decoding state, sees later tokens,
  /// has positions of its own or padding between tokens, or shows its weights, goes by the formula, in plain
  /// operations; so does all, where the environment says NOPOS_ATTENTION=explicit.
  at::Tensor forward(const at::Tensor& x, ForwardPass& run, std::int64_t layer) const;

 private:
  std::array<at::Tensor, 3> projected(const at::Tensor& x) const;
  at::Tensor mixed(const Heads& heads, const AttentionBias& bias, ForwardPass& run, std::int64_t layer) const;
  at::Tensor mixed_fast(const Heads& heads, const AttentionBias& bias, ForwardPass& run) const;

  std::int64_t heads_;
  double dropout_;
  std::shared_ptr<Linear> k_proj_, v_proj_, q_proj_,
      out_proj_;  // in the order of initialization and of checkpoints
};

}  // namespace nopos
