#pragma once
/// From features to token probabilities. Criteria get losses and, on request, log probabilities; a tensor of
/// [tokens × vocabulary] is only made when requested.

#include <torch/nn/module.h>

namespace nopos {

class OutputHead : public torch::nn::Module {
 public:
  /// features [N,C], targets [N] int64 -> [N] float, -ln p(target); 0 if the target is `padding_idx`.
  /// Differentiable.
  virtual at::Tensor nll(const at::Tensor& features, const at::Tensor& targets, std::int64_t padding_idx) = 0;

  /// features [...,C] -> [...,V] float, ln p.
  virtual at::Tensor log_probs(const at::Tensor& features) = 0;

  /// True for an adaptive softmax, the only head that the criterion `adaptive_loss` accepts.
  virtual bool adaptive() const { return false; }
};

}  // namespace nopos
