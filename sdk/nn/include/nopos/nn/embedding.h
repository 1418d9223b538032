#pragma once
/// From token ids to vectors.

#include <torch/nn/module.h>

#include <cstdint>

#include "nopos/nn/linear.h"

namespace nopos {

/// The interface of token embeddings; implemented by `TokenEmbedding` and `AdaptiveInput`.
class InputEmbedding : public torch::nn::Module {
 public:
  /// tokens [B,T] int64 -> [B,T,C], a new tensor that the caller may modify in place.
  virtual at::Tensor forward(const at::Tensor& tokens) const = 0;

  /// The embedding dimension C.
  virtual std::int64_t dim() const = 0;
};

/// One row per dictionary entry. The padding row is zero and gets no gradient.
class TokenEmbedding final : public InputEmbedding, public NoisyWeight {
 public:
  TokenEmbedding(std::int64_t vocabulary, std::int64_t dim, std::int64_t padding_idx);

  at::Tensor forward(const at::Tensor& tokens) const override;
  std::int64_t dim() const override { return weight_.size(1); }
  void pretty_print(std::ostream& stream) const override;

  const at::Tensor& weight() const { return weight_; }  ///< [V,C]

 private:
  at::Tensor weight_;
  std::int64_t padding_idx_;
};

}  // namespace nopos
