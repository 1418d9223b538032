#pragma once
/// A model whose features are a parameter, for tests of criteria: what reaches the head can be seen.

#include <ATen/ATen.h>

#include "nopos/architecture.h"

namespace nopos::test {

/// The logits are the features themselves.
class IdentityHead final : public OutputHead {
 public:
  explicit IdentityHead(bool adaptive) : adaptive_(adaptive) {}
  // features [N,V], targets [N] -> [N]
  at::Tensor nll(const at::Tensor& features, const at::Tensor& targets, std::int64_t padding_idx) override {
    rows_seen = features.size(0);
    const at::Tensor picked = log_probs(features).gather(1, targets.unsqueeze(1)).squeeze(1);
    return -picked.masked_fill(targets == padding_idx, 0);
  }
  at::Tensor log_probs(const at::Tensor& features) override { return at::log_softmax(features, -1); }
  bool adaptive() const override { return adaptive_; }

  std::int64_t rows_seen = 0;

 private:
  bool adaptive_;
};

struct FixedFeaturesModel final : Architecture {
  FixedFeaturesModel(at::Tensor values, bool adaptive) : logits(std::move(values)), identity(adaptive) {
    logits.requires_grad_(true);
  }
  at::Tensor features(const Batch&, const ForwardOptions&) override { return logits; }
  OutputHead& head() override { return identity; }
  std::int64_t max_positions() const override { return logits.size(1); }

  at::Tensor logits;  ///< [B,T,V]
  IdentityHead identity;
};

/// Two rows of three tokens; the second has one token and two places of padding (id 1).
inline Batch padded_batch() {
  Batch batch;
  batch.targets = at::tensor({4, 2, 0, 3, 1, 1}, at::kLong).view({2, 3});
  batch.num_tokens = 4;
  batch.num_sentences = 2;
  return batch;
}

}  // namespace nopos::test
