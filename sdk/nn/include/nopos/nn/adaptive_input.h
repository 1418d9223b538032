#pragma once
/// Adaptive input: rarer words have smaller embeddings; each band is projected to the model dimension.
/// Baevski, Auli 2019, arXiv 1809.10853, section 3.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "nopos/nn/embedding.h"
#include "nopos/nn/linear.h"

namespace nopos {

/// The vocabulary divided into clusters ("bands") of decreasing frequency, for adaptive input and adaptive
/// softmax: band 0 has the ids [0, c0), band 1 [c0, c1), ..., the last one ends with the vocabulary.
class AdaptiveBands {
 public:
  /// `cutoffs` are c0 < c1 < ..., none above `vocabulary`; one equal to it ends the last band. `option` names
  /// their source in messages. \throws Error (configuration)
  AdaptiveBands(std::vector<std::int64_t> cutoffs, std::int64_t vocabulary, std::string_view option);

  std::size_t size() const { return ends_.size(); }
  std::int64_t begin(std::size_t band) const { return band == 0 ? 0 : ends_[band - 1]; }
  std::int64_t end(std::size_t band) const { return ends_[band]; }
  std::int64_t rows(std::size_t band) const { return end(band) - begin(band); }

 private:
  std::vector<std::int64_t> ends_;
};

/// floor(dim / factor^power): the embedding dimension of a band. \throws Error (configuration) if it is below
/// 1.
std::int64_t band_dim(std::int64_t dim, double factor, std::size_t power);

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
