#pragma once
/// Attention on the processor: everything that belongs to some queries of one head and some of their keys is
/// done while it lies in the cache, so that no matrix of queries and keys is kept; backward forms the weights
/// again from the logarithms of their sums (Dao 2023, FlashAttention-2).

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "visible_keys.h"

namespace nopos {

/// A value for each head and each distance n = i - j of the columns of query and key:
/// values[h, clamp(n - first, 0, N-1)].
struct DistanceTable {
  at::Tensor values;  ///< [1|H,N]
  std::int64_t first = 0;
};

/// features[b,h,i,:] · table[h, clamp(n - first, 0, N-1), :]; summed in float32, of factors of the type of
/// `features`.
struct RelativeTable {
  at::Tensor features;  ///< [1|B,1|H,T,R] of float32 or bfloat16
  at::Tensor table;     ///< [1|H,N,R]
  std::int64_t first = 0;
};

/// What makes scores: scale·q·k and the sum of the terms, each with a gradient where its tensors want one.
struct KernelTerms {
  double scale = 1;
  std::vector<DistanceTable> tables;
  std::vector<at::Tensor> keys;  ///< each [1|B,1|H,S], for every score of key j
  std::vector<RelativeTable> relatives;
};

/// Of the weights, by `dropout_row` with row (b·H + h)·T + i.
struct KernelDropout {
  double p = 0;
  std::int64_t key = 0;
};

/// Whether this LibTorch and processor can, for tensors of the type and device of `q`.
bool has_block_attention(const at::Tensor& q);

/// q [B,H,T,D] of the last T of S columns, k [B,Hk,S,D], v [B,Hk,S,Dv], all of float32 or bfloat16, of which
/// query head h reads key head h / (H/Hk) -> [B,T,H*Dv]. Every query sees a key, and `visible.hidden` is
/// undefined. The result does not depend on the number of threads.
at::Tensor block_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const KernelTerms& terms, const VisibleKeys& visible,
                           const KernelDropout& dropout);

/// The same for one query of each row of the batch, T = 1, without gradients and dropout. Any LibTorch and
/// processor.
at::Tensor row_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         const KernelTerms& terms, const VisibleKeys& visible);

}  // namespace nopos
