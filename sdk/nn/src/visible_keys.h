#pragma once
/// Where tokens stand, and what each query sees: causality, windows, documents and padding.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nopos {

/// Query i sees the keys first <= j < last that are no padding, and itself. Padding sees itself alone.
struct VisibleKeys {
  at::Tensor first, last;  ///< [1|B,T] int64, columns of all S
  at::Tensor hidden;       ///< [B,S] bool, padding between tokens of a row; undefined: there is none

  /// -> [1|B,t,S] bool, of the queries [begin, begin + t); query 0 stands in column `past`
  at::Tensor seen(std::int64_t begin, std::int64_t t, std::int64_t keys, std::int64_t past) const;
};

/// What is known of all S columns.
struct Columns {
  at::Tensor real;       ///< [B,S] bool
  at::Tensor documents;  ///< [B,S] int64, or undefined
};

struct Layout {
  at::Tensor positions;  ///< [B,T] int64: tokens of the row, or of its document, that came before
  VisibleKeys visible;
  bool regular = true;  ///< p_i - p_j = i - j for all that see each other
  bool alike = true;    ///< all rows have the same positions, and see the same
  bool plain = true;    ///< tokens see all that came before them, and nothing else needs to be said
};

/// Of the last T of S columns, past = S - T. A document is a run of tokens with one id; a
/// query sees tokens fewer than `window` away, 0: all.
Layout layout_of(const Columns& columns, std::int64_t past, bool causal, std::int64_t window);

}  // namespace nopos
