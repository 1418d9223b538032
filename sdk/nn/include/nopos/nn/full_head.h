#pragma once
/// The plain output head: one logit per type, without bias; with a weight of its own, or tied to the token
/// embedding. Press, Wolf 2017, arXiv 1608.05859.

#include "nopos/nn/weight_noise.h"
#include "nopos/output_head.h"

namespace nopos {

class FullHead final : public OutputHead, public NoisyWeight {
 public:
  /// A weight of its own, normal with deviation input_dim^-1/2.
  FullHead(std::int64_t input_dim, std::int64_t vocabulary);

  /// Tied: `embedding` [V,C] is the weight. Draws the numbers that the reference draws and throws away.
  explicit FullHead(const at::Tensor& embedding);

  at::Tensor nll(const at::Tensor& features, const at::Tensor& targets, std::int64_t padding_idx) override;
  at::Tensor log_probs(const at::Tensor& features) override;
  void pretty_print(std::ostream& stream) const override;

 private:
  at::Tensor weight_;  // [V,C]
};

}  // namespace nopos
