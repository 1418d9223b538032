#pragma once
/// Attention as its formula stands, in plain operations of ATen: any type, any chunk, whatever encodings
/// declare. The other ways are faster, and tested against this one.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "forward_state.h"
#include "visible_keys.h"

namespace nopos {

struct ExplicitAttention {
  const ScoresState& declared;
  const VisibleKeys& visible;
  at::Tensor query_positions, key_positions;  // [1|B,T], [1|B,S] int64 or float, or with axes before
  double dropout = 0;                         // of the weights
  std::optional<std::int64_t> dropout_key;  // of `dropout_rows`, which the kernels draw by; else ATen's draws
  at::Tensor* weights = nullptr;            // receives them [B,H,T,S], before dropout
  std::int64_t tile = 256;                  // queries at a time

  /// q [B,H,T,D], k [B,Hk,S,D], v [B,Hk,S,Dv]; the queries are those of the last T tokens -> [B,H,T,Dv].
  /// Types narrower than float32 are computed in float32. \throws Error (configuration) for a table by
  /// distance where positions are not integers
  at::Tensor operator()(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const;

 private:
  at::Tensor dropped_out(const at::Tensor& shares, std::int64_t begin) const;
  at::Tensor of_tile(std::int64_t begin, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     std::vector<at::Tensor>& all_weights) const;
};

}  // namespace nopos
