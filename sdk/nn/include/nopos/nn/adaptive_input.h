#pragma once
/// Adaptive input: rare types get narrower embeddings, each band projected to the model's width.
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
  /// Band i has width floor(initial_dim / factor^i); every band, the first included, has a projection to
  /// `output_dim`. Row 1 of every band starts at zero, as in the reference; only padding keeps it.
  AdaptiveInput(AdaptiveBands bands, std::int64_t initial_dim, double factor, std::int64_t output_dim,
                std::int64_t padding_idx);

  /// A band without a token in `tokens` is not touched: its weights get no gradient.
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
