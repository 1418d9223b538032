#pragma once
/// From token ids to vectors.

#include <torch/nn/module.h>

#include <cstdint>

#include "nopos/nn/weight_noise.h"

namespace nopos {

/// What an architecture needs of its token embedding; `AdaptiveInput` is the other one.
class InputEmbedding : public torch::nn::Module {
 public:
  /// tokens [B,T] int64 -> [B,T,C], a tensor of its own: the caller may change it in place.
  virtual at::Tensor forward(const at::Tensor& tokens) const = 0;

  /// C
  virtual std::int64_t dim() const = 0;
};

/// One row per type of the dictionary. The padding row is zero and stays so: it gets no gradient.
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
