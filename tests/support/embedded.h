#pragma once
/// The hooks of an encoding as a forward calls them, for the encodings' own tests.

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "nopos/encodings.h"
#include "nopos/nn/attention.h"

namespace nopos::test {

inline Batch row_of(const std::vector<std::int64_t>& tokens) {
  return {.tokens = at::tensor(tokens, at::kLong).unsqueeze(0)};
}

/// What `encoding` adds to the embeddings, `dim` wide, of one row of tokens that comes after `past` others:
/// [1,T,C].
inline at::Tensor embedded(const std::shared_ptr<PositionalEncoding>& encoding, std::int64_t dim,
                           const std::vector<std::int64_t>& tokens, std::int64_t past = 0) {
  const auto all = compose(encoding);
  const auto length = static_cast<std::int64_t>(tokens.size());
  DecodingState state({.rows = 1, .planned = past + length});
  const ForwardOptions options{.state = &state};
  if (past > 0) {
    const std::vector<std::int64_t> before(static_cast<std::size_t>(past), 5);
    ForwardPass(*all, row_of(before), {}, options).finish({});
  }
  return ForwardPass(*all, row_of(tokens), {}, options).embed(at::zeros({1, length, dim}));
}

/// The attention weights [H,T,T] of T tokens in a layer whose queries are zero: the softmax of what
/// `encoding` declares.
inline at::Tensor weights_of_bias(const std::shared_ptr<PositionalEncoding>& encoding, std::int64_t heads,
                                  std::int64_t length, bool causal = true) {
  struct Weights final : Observer {
    bool wants_weights(std::int64_t) const override { return true; }
    void weights(std::int64_t, const at::Tensor& weights) override { seen = weights; }
    at::Tensor seen;
  } observer;
  const at::NoGradGuard no_grad;
  const MultiheadAttention attention({.dim = heads, .heads = heads});
  for (const auto& parameter : attention.named_parameters()) parameter.value().zero_();
  const auto all = compose(encoding);
  const std::vector<std::int64_t> tokens(static_cast<std::size_t>(length), 5);
  ForwardPass pass(*all, row_of(tokens), {.causal = causal}, {.observer = &observer});
  attention.forward(at::zeros({1, length, heads}), pass, /*layer=*/0);
  return observer.seen[0];
}

}  // namespace nopos::test
