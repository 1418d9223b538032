#pragma once
/// Causal multi-head self-attention, driven by what the positional encoding declares.
/// Vaswani et al. 2017, arXiv 1706.03762, section 3.2.

#include <torch/nn/module.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "nopos/nn/linear.h"
#include "nopos/positional_encoding.h"

namespace nopos {

/// Declared biases as tensors: the causal mask and the bias in one, made once and shared by all layers.
///
/// Biases without gradients are kept between forwards and grow with the longest sequence seen; a chunk that
/// starts later, or is shorter, is cut out of them. Biases with gradients live for one forward.
/// `DenseBias` is asked every time.
class BiasMasks {
 public:
  /// Forgets what must not outlive a forward.
  void begin_forward();

  /// -> [1,H,T,S] ([B,H,T,S] where a dense bias is so), of `like`'s type and device: what is added to the
  /// scores, -inf where the key comes after the query. T `query_length`, S `past_length` + T.
  at::Tensor mask(const AttentionBias& bias, std::int64_t query_length, std::int64_t past_length,
                  const at::Tensor& like);

 private:
  struct Entry {
    std::vector<at::Tensor> sources;  // the tensors that the terms hold: an entry is known by them
    std::vector<std::size_t> kinds;   // and by the sort of each term
    at::Tensor mask;                  // [1,H,M,M]
    bool constant = true;
  };
  std::vector<Entry> entries_;
};

/// What the attention of every layer shares in one forward. Lives on the caller's stack.
struct AttentionContext {
  PositionalEncoding& encoding;
  PositionContext positions;
  BiasMasks& masks;
};

class MultiheadAttention : public torch::nn::Module {
 public:
  /// `dropout` is of the attention weights. \throws Error (configuration) where `heads` does not divide
  /// `dim`.
  MultiheadAttention(std::int64_t dim, std::int64_t heads, double dropout);

  /// x [B,T,C] -> [B,T,C]; `layer` is what the encoding's hooks are told.
  at::Tensor forward(const at::Tensor& x, AttentionContext& context, std::int64_t layer) const;

 private:
  std::array<at::Tensor, 3> projected(const at::Tensor& x) const;
  at::Tensor mixed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, AttentionContext& context,
                   std::int64_t layer) const;

  std::int64_t heads_;
  double dropout_;
  std::shared_ptr<Linear> k_proj_, v_proj_, q_proj_, out_proj_;  // in the order of draws and of checkpoints
};

}  // namespace nopos
