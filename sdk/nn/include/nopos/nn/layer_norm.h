#pragma once
/// Layer normalization over the last dimension, with a learned scale (initially 1) and shift (initially 0).
/// Ba, Kiros, Hinton 2016, arXiv 1607.06450.

#include <torch/nn/module.h>

#include <cstdint>

namespace nopos {

class LayerNorm : public torch::nn::Module {
 public:
  explicit LayerNorm(std::int64_t dim, double eps = 1e-5);

  /// x [...,dim] -> same shape
  at::Tensor forward(const at::Tensor& x) const;

 private:
  at::Tensor weight_, bias_;  // [dim]
  double eps_;
};

}  // namespace nopos
