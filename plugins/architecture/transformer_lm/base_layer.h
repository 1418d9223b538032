#pragma once
/// A BASE layer: a feed-forward network that every token is sent to, an expert, mixed in by how near the
/// token lies to it. Lewis et al. 2021, arXiv 2103.16716. Every process of a run is one expert; one process
/// has one, so that the balanced assignment sends all tokens to it.

#include <nopos/nn/feed_forward.h>
#include <nopos/nn/layer_norm.h>

#include <vector>

#include "options.h"

namespace transformer_lm {

class BaseLayer final : public torch::nn::Module {
 public:
  explicit BaseLayer(const Options& options);

  /// x [B,T,C] -> [B,T,C]
  at::Tensor forward(const at::Tensor& x) const;

 private:
  struct SubLayer;
  at::Tensor centroids_;  // [experts,C]
  std::vector<std::shared_ptr<SubLayer>> expert_;
};

}  // namespace transformer_lm
