#pragma once
/// Adaptive softmax: a head over the frequent types and one entry per further band, and a narrow tail per
/// such band. Grave et al. 2017, arXiv 1609.04309; tied to the adaptive input as in Baevski, Auli 2019,
/// arXiv 1809.10853.

#include <cstdint>
#include <memory>
#include <vector>

#include "nopos/nn/adaptive_bands.h"
#include "nopos/nn/adaptive_input.h"
#include "nopos/nn/linear.h"
#include "nopos/output_head.h"

namespace nopos {

class AdaptiveSoftmax final : public OutputHead {
 public:
  struct Shape {
    std::int64_t input_dim = 0;
    double factor = 4;   ///< tail i projects to floor(input_dim / factor^(i+1)); where tied, the band's width
    double dropout = 0;  ///< of the features in `nll`, and between the two maps of a tail
  };

  AdaptiveSoftmax(AdaptiveBands bands, const Shape& shape);

  /// Tied: the words' weights are `input`'s embeddings; with `tie_projections` the tails' projections are
  /// `input`'s too, transposed. The projection of band 0 is never tied.
  AdaptiveSoftmax(const AdaptiveInput& input, const Shape& shape, bool tie_projections);

  /// A tail without a target in its band is not evaluated: its weights get no gradient.
  ///
  /// As in the reference, whose training losses depend on it, `padding_idx` is counted within every band: the
  /// target that stands at that place of a tail's band (types c0 + 1, c1 + 1, ...) counts as its band only,
  /// -ln p(band), without the tail's part. `log_probs` has the exact probabilities of all types.
  at::Tensor nll(const at::Tensor& features, const at::Tensor& targets, std::int64_t padding_idx) override;
  at::Tensor log_probs(const at::Tensor& features) override;
  bool adaptive() const override { return true; }

 private:
  struct Tail {
    std::shared_ptr<Linear> project, words;
  };

  void add_tail(torch::nn::Module& list, std::shared_ptr<Linear> project, std::shared_ptr<Linear> words);
  void init_weights();
  at::Tensor head_logits(const at::Tensor& x) const;

  AdaptiveBands bands_;
  double dropout_;
  std::vector<std::shared_ptr<Linear>> head_;  // one map; where tied, the words' and then the bands'
  std::vector<Tail> tails_;                    // of band 1, 2, ...
};

}  // namespace nopos
