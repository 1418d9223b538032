#pragma once
/// Token embeddings from the bytes of the words: convolutions of several widths, the greatest value of each
/// over the word, highway layers and a projection. Kim et al. 2016, arXiv 1508.06615; highway layers:
/// Srivastava et al. 2015, arXiv 1505.00387.

#include <nopos/dictionary.h>
#include <nopos/nn/embedding.h>
#include <nopos/nn/linear.h>

#include <string>
#include <vector>

namespace transformer_lm {

/// Filters of one width.
struct CharacterFilter {
  std::int64_t width = 0, count = 0;
};

/// Reads fairseq's spelling, "[(1, 64), (2, 128)]".
/// \throws nopos::Error (configuration) where it is another.
std::vector<CharacterFilter> character_filters(const std::string& text);

class CharacterEmbedding final : public nopos::InputEmbedding {
 public:
  struct Shape {
    std::int64_t character_dim = 0, highway_layers = 0, output_dim = 0;
  };
  CharacterEmbedding(const nopos::Dictionary& dictionary, const std::vector<CharacterFilter>& filters,
                     const Shape& shape);

  at::Tensor forward(const at::Tensor& tokens) const override;
  std::int64_t dim() const override { return projection_->weight().size(0); }

  std::int64_t truncated_words() const { return truncated_; }  ///< words of more than 50 bytes

 private:
  struct Convolution;
  struct Characters;
  at::Tensor of_words(const at::Tensor& words) const;

  std::int64_t truncated_ = 0;
  at::Tensor bytes_;    // [V,50] int64: byte + 1, and 0 after the word; not part of checkpoints
  at::Tensor symbols_;  // [2,C]: of </s> and <unk>
  std::shared_ptr<Characters> characters_;
  std::vector<std::shared_ptr<Convolution>> convolutions_;
  std::vector<std::shared_ptr<nopos::Linear>> highway_;
  std::shared_ptr<nopos::Linear> projection_;
};

}  // namespace transformer_lm
