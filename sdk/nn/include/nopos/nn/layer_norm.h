#pragma once
/// Normalization over the last dimension.

#include <torch/nn/module.h>

#include <cstdint>

namespace nopos {

/// With a learned scale (initially 1) and shift (initially 0). Ba, Kiros, Hinton 2016, arXiv 1607.06450.
class LayerNorm : public torch::nn::Module {
 public:
  explicit LayerNorm(std::int64_t dim, double eps = 1e-5);

  /// x [...,dim] -> same shape
  at::Tensor forward(const at::Tensor& x) const;

 private:
  at::Tensor weight_, bias_;  // [dim]
  double eps_;
};

/// By the root of the mean square, with a learned scale (initially 1): x / sqrt(mean(x²) + eps) * weight.
/// Zhang, Sennrich 2019, arXiv 1910.07467.
class RMSNorm : public torch::nn::Module {
 public:
  explicit RMSNorm(std::int64_t dim, double eps = 1e-6);

  /// x [...,dim] -> same shape; types narrower than float32 are normalized in float32
  at::Tensor forward(const at::Tensor& x) const;

 private:
  at::Tensor weight_;  // [dim]
  double eps_;
};

}  // namespace nopos
