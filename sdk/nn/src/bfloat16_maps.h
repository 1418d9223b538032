#pragma once
/// The affine maps of a model of bfloat16 on the processor, for tensors that `has_bfloat16_product` holds
/// for. Each has its own backward: a small model spends as long on starting many small operations as on
/// products.

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

#include "nopos/nn/linear.h"

namespace nopos {

struct AffineWeights {
  at::Tensor weight;  ///< [out,in]
  at::Tensor bias;    ///< [out], or undefined
};

/// Those of `map`, in the type of `x`
AffineWeights affine_weights(const Linear& map, const at::Tensor& x);

/// x [...,in] -> [...,out]
at::Tensor bfloat16_map(const at::Tensor& x, const AffineWeights& map);

/// x [B,T,C], maps [H*D,C] with biases -> of each [B,H,T,D]
std::array<at::Tensor, 3> bfloat16_heads(const at::Tensor& x, const std::array<AffineWeights, 3>& maps,
                                         std::int64_t heads);

/// x [...,C] -> GELU (exact) of `first` [F,C] -> `second` [C,F], both with biases -> [...,C]
at::Tensor bfloat16_feed_forward(const at::Tensor& x, const AffineWeights& first,
                                 const AffineWeights& second);

}  // namespace nopos
