#pragma once
/// The hooks of an encoding as a forward calls them, for the encodings' own tests.

#include <ATen/ATen.h>

#include <vector>

#include "nopos/attention_bias.h"
#include "nopos/nn/attention.h"

namespace nopos::test {

inline Batch row_of(const std::vector<std::int64_t>& tokens) {
  return {.tokens = at::tensor(tokens, at::kLong).unsqueeze(0)};
}

/// What `encoding` adds to the embeddings of one row of tokens that comes after `past` others: [1,T,C], or
/// undefined.
inline at::Tensor embedded(PositionalEncoding& encoding, const std::vector<std::int64_t>& tokens,
                           std::int64_t past = 0) {
  BiasMasks masks;
  DecodingState state({.rows = 1, .planned = past + static_cast<std::int64_t>(tokens.size())});
  const ForwardOptions options{.state = &state};
  if (past > 0) {
    const std::vector<std::int64_t> before(static_cast<std::size_t>(past), 5);
    ForwardPass(encoding, masks, row_of(before), {}, options).finish({});
  }
  return ForwardPass(encoding, masks, row_of(tokens), {}, options).embedding();
}

/// What `encoding` declares for the scores of a first layer.
inline AttentionBias declared(PositionalEncoding& encoding) {
  BiasMasks masks;
  return ForwardPass(encoding, masks, row_of({7, 8, 9}), {}).declared(/*layer=*/0);
}

}  // namespace nopos::test
