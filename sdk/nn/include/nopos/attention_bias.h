#pragma once
/// What an encoding adds to the attention scores, declared as data, so that the SDK's attention can choose
/// the kernel. The causal mask is not part of it.
///
/// Scores are q·k/sqrt(D) + bias, before the softmax. Below, i and j are the absolute positions of query and
/// key: past_length + t for the t-th query, s for the s-th key.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <variant>
#include <vector>

namespace nopos {

/// -slope[h] * (i - j): ALiBi and its relatives.
struct SlopeBias {
  at::Tensor slopes;  ///< [H] float, positive
};

/// One learned or fixed value per head and clipped distance: values[h, min(i - j, L - 1)].
struct TableBias {
  at::Tensor values;  ///< [H,L] float; may require grad
};

/// Any other bias. Called once per forward pass and layer that declares it: (query_length T, key_length S) ->
/// [H,T,S], [1,T,S] or [B,H,T,S].
struct DenseBias {
  std::function<at::Tensor(std::int64_t query_length, std::int64_t key_length)> values;
};

/// A sum of terms; empty for encodings that add nothing to the scores.
class AttentionBias {
 public:
  using Term = std::variant<SlopeBias, TableBias, DenseBias>;

  AttentionBias() = default;
  AttentionBias(SlopeBias term) : terms_{std::move(term)} {}
  AttentionBias(TableBias term) : terms_{std::move(term)} {}
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
