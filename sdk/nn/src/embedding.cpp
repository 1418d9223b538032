#include "nopos/nn/embedding.h"

#include <ATen/ATen.h>

#include "nopos/nn/initial_weights.h"

namespace nopos {

TokenEmbedding::TokenEmbedding(std::int64_t vocabulary, std::int64_t dim, std::int64_t padding_idx)
    : weight_(register_parameter("weight", fresh_embedding(vocabulary, dim))), padding_idx_(padding_idx) {
  init_embedding_(weight_, padding_idx);
}

at::Tensor TokenEmbedding::forward(const at::Tensor& tokens) const {
  // tokens [B,T] -> [B,T,C]
  return noisy_output(at::embedding(noisy_weight(weight_, is_training()), tokens, padding_idx_),
                      is_training());
}

void TokenEmbedding::pretty_print(std::ostream& stream) const {
  stream << "TokenEmbedding(" << weight_.size(0) << " x " << weight_.size(1) << ")";
}

}  // namespace nopos
