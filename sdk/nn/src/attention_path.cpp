#include "attention_path.h"

namespace nopos {
namespace {

constexpr std::int64_t longest_of_aten = 64;  // queries; measured, docs/decisions/attention.md

}  // namespace

const char* name_of(AttentionPath path) {
  switch (path) {
    case AttentionPath::aten:
      return "ATen's kernel";
    case AttentionPath::block:
      return "block kernel";
    case AttentionPath::row:
      return "row kernel";
    case AttentionPath::formula:
      break;
  }
  return "formula";
}

AttentionPath choose(const AttentionCase& of) {
  if (of.formula_is_forced || of.needs_formula) return AttentionPath::formula;
  // ATen's triangle begins in the first column, so it fits only as many queries as keys
  const bool atens = !of.has_terms && of.plain_layout && of.queries == of.keys;
  if (!of.on_cpu) return atens ? AttentionPath::aten : AttentionPath::formula;
  const bool is_float = of.type == at::kFloat, is_narrow = of.type == at::kBFloat16;
  if (!is_float && !is_narrow) {
    const bool wide = of.type == at::kDouble;  // its reductions are what others are measured by
    return atens && !wide && !of.has_dropout ? AttentionPath::aten : AttentionPath::formula;
  }
  if (!of.fused) return atens ? AttentionPath::aten : AttentionPath::formula;
  if (of.has_holes || (of.has_tables && !of.by_columns)) return AttentionPath::formula;
  if (of.has_dropout && !of.dropout_by_key) return AttentionPath::formula;
  const bool aten_is_fast = is_float ? of.queries < longest_of_aten : of.narrow_aten && !of.has_gradient;
  if (atens && !of.has_dropout && aten_is_fast && of.queries > 1) return AttentionPath::aten;
  if (of.queries == 1 && !of.has_gradient && !of.has_dropout) return AttentionPath::row;
  return AttentionPath::block;
}

}  // namespace nopos
