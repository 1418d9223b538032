#pragma once
/// Causal attention of bfloat16 on the processor, for training: everything that belongs to some queries of
/// one head is done while it lies in the cache, and backward forms the weights anew.

#include <ATen/core/Tensor.h>

namespace nopos {

/// q, k, v [B,H,T,D] of bfloat16, for which `has_bfloat16_product` holds; mask [1|B,1|H,T,T] of float32 as
/// BiasMasks makes it, without gradient, or undefined where nothing is added -> [B,T,H*D]
at::Tensor bfloat16_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const at::Tensor& mask);

}  // namespace nopos
