#pragma once
/// What the encodings of a layer declared for its scores, as the attention reads it.

#include <utility>
#include <variant>
#include <vector>

#include "nopos/positional_encoding.h"

namespace nopos {

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
