#pragma once
/// What an encoding adds to the attention scores, declared as data, so that the SDK's attention chooses the
/// kernel, for a whole sequence, a chunk of a prompt and one decoded token alike.
///
/// Scores are q·k/sqrt(D) + what is declared, before the softmax. What a query may not see at all (later
/// tokens, other documents, padding) is the host's business and no part of it. The distance of query i and
/// key j is p_i - p_j, of their positions. Tensors are floating-point numbers on the device of the model,
/// with or without gradients.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <variant>
#include <vector>

namespace nopos {

/// -slopes[h] * distance: ALiBi and its relatives. With `symmetric` -slopes[h] * |distance|, for models in
/// which tokens see later ones.
struct SlopeBias {
  at::Tensor slopes;  ///< [H]
  bool symmetric = false;
};

/// One learned or fixed value per head and distance first, first + 1, ...; beyond the ends the value at the
/// end holds. Positions are whole numbers.
struct DistanceBias {
  at::Tensor values;       ///< [H,N] or [1,N]
  std::int64_t first = 0;  ///< below 0 for models in which tokens see later ones
};

/// queries[b,h,i] + keys[b,h,j]; each may be undefined, and have 1 for B or H.
struct OuterBias {
  at::Tensor queries;  ///< [B,H,T]
  at::Tensor keys;     ///< [B,H,S]
};

/// Some queries, and all keys.
struct Tile {
  at::Tensor query_positions;  ///< [B,t] or, where all rows are alike, [1,t]
  at::Tensor key_positions;    ///< [B,S] or [1,S]
  at::Tensor q;                ///< [B,H,t,D]
};

/// Anything else that is added: [B,H,t,S], each of B and H may be 1. Called during the forward, for one tile
/// after the other; no side effects.
struct DenseBias {
  std::function<at::Tensor(const Tile& tile)> values;
};

/// A sum of terms; empty for encodings that add nothing to the scores.
class AttentionBias {
 public:
  using Term = std::variant<SlopeBias, DistanceBias, OuterBias, DenseBias>;

  AttentionBias() = default;
  AttentionBias(SlopeBias term) : terms_{std::move(term)} {}
  AttentionBias(DistanceBias term) : terms_{std::move(term)} {}
  AttentionBias(OuterBias term) : terms_{std::move(term)} {}
  AttentionBias(DenseBias term) : terms_{std::move(term)} {}

  AttentionBias& operator+=(const AttentionBias& other) {
    terms_.insert(terms_.end(), other.terms_.begin(), other.terms_.end());
    return *this;
  }

  bool empty() const { return terms_.empty(); }
  const std::vector<Term>& terms() const { return terms_; }

 private:
  std::vector<Term> terms_;
};

}  // namespace nopos
