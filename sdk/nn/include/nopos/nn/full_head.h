#pragma once
/// The standard output head: one logit per dictionary entry, without bias; with its own weight, or tied to
/// the token embedding. Press, Wolf 2017, arXiv 1608.05859.

#include "nopos/nn/linear.h"
#include "nopos/output_head.h"

namespace nopos {

class FullHead final : public OutputHead, public NoisyWeight {
 public:
  /// With its own weight, initialized from N(0, 1/input_dim).
  FullHead(std::int64_t input_dim, std::int64_t vocabulary);

  /// Tied: `embedding` [V,C] is the weight. Draws and discards the same random numbers as fairseq.
  explicit FullHead(const at::Tensor& embedding);

  at::Tensor nll(const at::Tensor& features, const at::Tensor& targets, std::int64_t padding_idx) override;
  at::Tensor log_probs(const at::Tensor& features) override;
  void pretty_print(std::ostream& stream) const override;

 private:
  at::Tensor weight_;  // [V,C]
};

}  // namespace nopos
