#include "nopos/nn/full_head.h"

#include <ATen/ATen.h>

#include "bfloat16_maps.h"
#include "bfloat16_product.h"
#include "nopos/nn/initial_weights.h"
#include "widen.h"

namespace nopos {

FullHead::FullHead(std::int64_t input_dim, std::int64_t vocabulary)
    : weight_(register_parameter("weight", at::empty({vocabulary, input_dim}))) {
  init_linear_(weight_, {});
  init_embedding_(weight_, std::nullopt);
}

FullHead::FullHead(const at::Tensor& embedding) : weight_(register_parameter("weight", embedding)) {
  init_linear_(at::empty(embedding.sizes()), {});
}

at::Tensor FullHead::nll(const at::Tensor& features, const at::Tensor& targets, std::int64_t padding_idx) {
  // features [N,C], targets [N] -> [N]
  return at::nll_loss(log_probs(features), targets, {}, at::Reduction::None, padding_idx);
}

at::Tensor FullHead::log_probs(const at::Tensor& features) {
  // features [...,C] -> [...,V]
  const at::Tensor weight = widened_to(features, noisy_weight(weight_, is_training()));
  const at::Tensor logits = has_bfloat16_product(features, weight) ? bfloat16_map(features, {weight, {}})
                                                                   : at::linear(features, weight);
  return at::log_softmax(noisy_output(logits, is_training()), -1, at::kFloat);
}

void FullHead::pretty_print(std::ostream& stream) const {
  stream << "FullHead(" << weight_.size(1) << " -> " << weight_.size(0) << ")";
}

}  // namespace nopos
