#pragma once
/// Adaptive softmax: a head over the frequent words plus one entry per further band, and a low-dimensional
/// tail for each of these bands. Grave et al. 2017, arXiv 1609.04309; tied to the adaptive input as in
/// Baevski, Auli 2019, arXiv 1809.10853.

#include <cstdint>
#include <memory>
#include <vector>

#include "nopos/nn/adaptive_input.h"
#include "nopos/nn/linear.h"
#include "nopos/output_head.h"

namespace nopos {

class AdaptiveSoftmax final : public OutputHead {
 public:
  struct Shape {
    std::int64_t input_dim = 0;
    double factor =
        4;  ///< tail i projects to floor(input_dim / factor^(i+1)) or, if tied, to the band's dimension
    double dropout = 0;  ///< of the features in `nll`, and between the two projections of a tail
  };

  AdaptiveSoftmax(AdaptiveBands bands, const Shape& shape);

  /// Tied: the output embeddings are those of `input`; with `tie_projections` the projections of the tails
  /// are those of `input` too, transposed. The projection of band 0 is never tied.
  AdaptiveSoftmax(const AdaptiveInput& input, const Shape& shape, bool tie_projections);

  /// A tail without a target in its band is not evaluated, and its weights get no gradient.
  ///
  /// As in fairseq, whose training losses depend on it, `padding_idx` is applied within every band: the
  /// target at that index of a tail's band (ids c0 + 1, c1 + 1, ...) contributes -ln p(band) only, without
  /// the tail's term. `log_probs` has the exact probabilities of all ids.
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
  std::vector<std::shared_ptr<Linear>> head_;  // one layer; if tied, one for the words, one for the bands
  std::vector<Tail> tails_;                    // of band 1, 2, ...
};

}  // namespace nopos
