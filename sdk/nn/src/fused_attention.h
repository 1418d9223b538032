#pragma once
/// From what encodings declare to the kernels' terms.

#include "attention_path.h"
#include "forward_state.h"

namespace nopos {

/// Whether a kernel can run for such queries: products of their type, or of float32 after widening.
bool has_fused_attention(const at::Tensor& q);

/// Whether dropout draws by a key, as the kernels need it (the lever `dropout_keys`).
bool draws_dropout_by_key();

/// Whether something has a value for each distance, which must then be one of columns. Slopes count only
/// where they are symmetric: others are a sum of something of the query and something of the key.
bool has_tables(const ScoresState& declared);

/// By the block or row kernel, which `choose` found fit: heads as MultiheadAttention has them -> [B,T,H*Dv]
at::Tensor fused_attention(AttentionPath path, const Heads& heads, const ScoresState& declared,
                           const ForwardState& forward, const VisibleKeys& visible, double dropout);

}  // namespace nopos
