#include "fused_attention.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "bfloat16_product.h"
#include "block_attention.h"
#include "dropout_draw.h"
#include "nopos/levers.h"

namespace nopos {
namespace {

/// -slopes[h] * distance for all distances that S columns have.
DistanceTable table_of(const SlopeBias& term, std::int64_t keys, bool causal) {
  const std::int64_t first = causal ? 0 : -(keys - 1);
  const at::Tensor slopes = term.slopes.to(at::kFloat);
  const at::Tensor n = at::arange(first, keys, slopes.options());
  return {-slopes.unsqueeze(1) * (term.symmetric ? n.abs() : n), first};
}

/// What a slope says of a key alone, [1|B,H,S]: what it says of the query does not change a softmax.
at::Tensor of_keys(const SlopeBias& term, const at::Tensor& key_positions) {
  return term.slopes.to(at::kFloat).view({1, -1, 1}) * first_axis(key_positions).to(at::kFloat).unsqueeze(1);
}

/// For heads of `type`.
KernelTerms terms_of(const ScoresState& declared, const ForwardState& forward, at::ScalarType type) {
  KernelTerms terms;
  terms.scale = declared.scale;
  for (const SlopeBias& term : declared.slopes) {
    if (forward.regular()) {
      terms.tables.push_back(table_of(term, forward.total(), forward.causal));
    } else {
      terms.keys.push_back(of_keys(term, forward.key_positions));
    }
  }
  for (const DistanceBias& term : declared.distances)
    terms.tables.push_back({term.values.to(at::kFloat), term.first});
  for (const OuterBias& term : declared.outers) {
    if (term.keys.defined()) terms.keys.push_back(term.keys.to(at::kFloat));
  }
  for (const RelativeTerm& term : declared.relatives) {
    const bool fits = term.features.scalar_type() == type;
    terms.relatives.push_back({fits ? term.features : term.features.to(at::kFloat), term.table, term.first});
  }
  return terms;
}

}  // namespace

bool has_fused_attention(const at::Tensor& q) {
  return has_block_attention(q) || has_block_attention(q.new_empty({0}, at::kFloat));
}

bool draws_dropout_by_key() { return enabled(Lever::dropout_keys); }

bool has_tables(const ScoresState& declared) {
  return !declared.distances.empty() || !declared.relatives.empty() ||
         std::any_of(declared.slopes.begin(), declared.slopes.end(),
                     [](const SlopeBias& slope) { return slope.symmetric; });
}

at::Tensor fused_attention(AttentionPath path, const Heads& heads, const ScoresState& declared,
                           const ForwardState& forward, const VisibleKeys& visible, double dropout) {
  // q [B,H,T,D], k [B,Hk,S,D], v [B,Hk,S,Dv] -> [B,T,H*Dv]
  if (!has_block_attention(heads.q)) {
    const Heads wide{heads.q.to(at::kFloat), heads.k.to(at::kFloat), heads.v.to(at::kFloat)};
    return fused_attention(path, wide, declared, forward, visible, dropout).to(heads.q.scalar_type());
  }
  const KernelTerms terms = terms_of(declared, forward, heads.q.scalar_type());
  if (path == AttentionPath::row) return row_attention(heads.q, heads.k, heads.v, terms, visible);
  const KernelDropout drawn{dropout, dropout > 0 ? draw_dropout_key() : 0};
  return block_attention(heads.q, heads.k, heads.v, terms, visible, drawn);
}

}  // namespace nopos
