#pragma once
/// Which way attention goes: one decision, from what is declared.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nopos {

enum class AttentionPath {
  formula,  ///< ExplicitAttention
  aten,     ///< scaled_dot_product_attention with its causal triangle
  block,    ///< block_attention
  row,      ///< row_attention
};

const char* name_of(AttentionPath path);

/// What the decision depends on.
struct AttentionCase {
  bool formula_is_forced = false;  ///< by the environment, or since the weights are to be seen
  bool on_cpu = true;
  at::ScalarType type = at::kFloat;  ///< of q
  bool fused = true;                 ///< whether the kernels can run here: they need a BLAS
  bool narrow_aten = true;           ///< whether ATen's attention of bfloat16 is fast
  bool has_gradient = false;         ///< of q, or of a term
  bool has_dropout = false, dropout_by_key = true;
  std::int64_t queries = 1, keys = 1;
  bool plain_layout = true;    ///< each query sees all that came before, in its row from the first column on
  bool has_holes = false;      ///< padding between tokens
  bool by_columns = true;      ///< distances are those of columns
  bool has_terms = false;      ///< anything is added to q·k
  bool has_tables = false;     ///< of distances, with a value for each
  bool needs_formula = false;  ///< terms that no kernel knows
};

AttentionPath choose(const AttentionCase& of);

}  // namespace nopos
