#pragma once
/// Attention as its formula stands, in plain operations of ATen: any type, any chunk, any declared bias. The
/// other ways are faster, and tested against this one.

#include <ATen/core/Tensor.h>

#include "nopos/attention_bias.h"
#include "visible_keys.h"

namespace nopos {

struct ExplicitAttention {
  const AttentionBias& bias;
  const VisibleKeys& visible;
  at::Tensor query_positions, key_positions;  // [1|B,T], [1|B,S] int64 or float
  double dropout = 0;                         // of the weights
  at::Tensor* weights = nullptr;              // receives them [B,H,T,S], before dropout
  std::int64_t tile = 256;                    // queries at a time

  /// q [B,H,T,D], k, v [B,H,S,D]; the queries are those of the last T tokens -> [B,H,T,D]. Types narrower
  /// than float32 are computed in float32. \throws Error (configuration) for a DistanceBias of positions that
  /// are no whole numbers
  at::Tensor operator()(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const;
};

}  // namespace nopos
