#pragma once
/// Causal multi-head self-attention; the positional encoding transforms queries and keys and declares a bias.
/// Vaswani et al. 2017, arXiv 1706.03762, section 3.2.

#include <torch/nn/module.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "nopos/nn/linear.h"
#include "nopos/positional_encoding.h"

namespace nopos {

/// The declared biases as tensors: causal mask and bias combined, built once and shared by all layers.
///
/// Biases without gradients are cached between forward passes and grow to the longest sequence seen; shorter
/// sequences and later chunks are slices of them. Biases with gradients live for one forward pass.
/// `DenseBias` is evaluated every time. Not thread-safe.
class BiasMasks {
 public:
  /// Discards what must not outlive a forward pass.
  void begin_forward();

  /// -> [1,H,T,S] ([B,H,T,S] if a dense bias has this shape), with the type and device of `like`: added to
  /// the scores; -inf where the key comes after the query. T is `query_length`, S is `past_length` + T.
  at::Tensor mask(const AttentionBias& bias, std::int64_t query_length, std::int64_t past_length,
                  const at::Tensor& like);

 private:
  struct Entry {
    std::vector<at::Tensor> sources;  // the tensors of the terms, which identify an entry
    std::vector<std::size_t> kinds;   // with the alternative of each term
    at::Tensor mask;                  // [1,H,M,M]
    bool constant = true;
  };
  std::vector<Entry> entries_;
};

/// Shared by the attention of all layers during one forward pass. Lives on the caller's stack.
struct AttentionContext {
  PositionalEncoding& encoding;
  PositionContext positions;
  BiasMasks& masks;
};

class MultiheadAttention : public torch::nn::Module {
 public:
  /// `dropout` is applied to the attention weights. \throws Error (configuration) if `heads` does not divide
  /// `dim`.
  MultiheadAttention(std::int64_t dim, std::int64_t heads, double dropout);

  /// x [B,T,C] -> [B,T,C]; `layer` is passed to the encoding's hooks.
  at::Tensor forward(const at::Tensor& x, AttentionContext& context, std::int64_t layer) const;

 private:
  std::array<at::Tensor, 3> projected(const at::Tensor& x) const;
  at::Tensor mixed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, AttentionContext& context,
                   std::int64_t layer) const;

  std::int64_t heads_;
  double dropout_;
  std::shared_ptr<Linear> k_proj_, v_proj_, q_proj_,
      out_proj_;  // in the order of initialization and of checkpoints
};

}  // namespace nopos
