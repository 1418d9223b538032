#pragma once
/// Log probabilities of the targets of a batch, by one model or the average of several.

#include <memory>
#include <vector>

#include "nopos/architecture.h"
#include "nopos/batch.h"

namespace nopos::engine {

class Scorer {
 public:
  /// \param at_a_time  most targets whose probabilities over the vocabulary exist at the same time
  Scorer(std::vector<std::shared_ptr<Architecture>> models, std::int64_t at_a_time)
      : models_(std::move(models)), at_a_time_(at_a_time) {}

  /// ln p of every target that is not padding, row by row. Only these positions reach the output head.
  /// \throws Error (runtime) where one is not finite, with where that comes from
  std::vector<float> score(const Batch& batch);

 private:
  at::Tensor scores_of(const Batch& batch) const;
  at::Tensor log_probs(Architecture& model, const Batch& batch, const at::Tensor& places,
                       const at::Tensor& targets) const;

  std::vector<std::shared_ptr<Architecture>> models_;
  std::int64_t at_a_time_;
};

}  // namespace nopos::engine
