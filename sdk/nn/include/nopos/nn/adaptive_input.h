#pragma once
/// Adaptive input: rarer words have smaller embeddings; each band is projected to the model dimension.
/// Baevski, Auli 2019, arXiv 1809.10853, section 3.

#include <cstdint>
#include <memory>
#include <vector>

#include "nopos/nn/adaptive_bands.h"
#include "nopos/nn/embedding.h"
#include "nopos/nn/linear.h"

namespace nopos {

class AdaptiveInput final : public InputEmbedding {
 public:
  /// Band i has dimension floor(initial_dim / factor^i); every band, including the first, has a projection to
  /// `output_dim`. As in fairseq, row 1 of every band is initialized to zero, but only the padding row stays
  /// zero.
  AdaptiveInput(AdaptiveBands bands, std::int64_t initial_dim, double factor, std::int64_t output_dim,
                std::int64_t padding_idx);

  /// The weights of a band without a token in `tokens` get no gradient.
  at::Tensor forward(const at::Tensor& tokens) const override;
  std::int64_t dim() const override { return output_dim_; }

  const AdaptiveBands& bands() const { return bands_; }
  const at::Tensor& embedding(std::size_t band) const;  ///< [rows, width]
  const at::Tensor& projection(std::size_t band) const {
    return projections_[band]->weight();
  }  ///< [C, width]

 private:
  struct Table;
  AdaptiveBands bands_;
  std::int64_t output_dim_, padding_idx_;
  at::Tensor unused_;  // [1]
  std::vector<std::shared_ptr<Table>> tables_;
  std::vector<std::shared_ptr<Linear>> projections_;
};

}  // namespace nopos
