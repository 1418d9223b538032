#include "explicit_attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "nopos/error.h"
#include "nopos/nn/dropout.h"

namespace nopos {
namespace {

/// -> [1|B,1|H,t,S], of distances [1|B,t,S]
at::Tensor by_distance(const DistanceBias& term, const at::Tensor& distance) {
  if (distance.is_floating_point()) {
    throw Error(ExitCode::configuration,
                "a positional encoding has one value for each distance, but the positions are not integers: "
                "another encoding changed them. Choose one of the two.");
  }
  const at::Tensor column = (distance - term.first).clamp_(0, term.values.size(1) - 1);
  const at::Tensor values = term.values.to(distance.device());
  return values.index_select(1, column.reshape(-1))
      .view({values.size(0), column.size(0), column.size(1), column.size(2)})
      .transpose(0, 1);
}

/// What one term adds to the scores of the queries [begin, begin + t): [1|B,1|H,t,S] or a part of that shape
at::Tensor values(const AttentionBias::Term& term, const Tile& tile, const at::Tensor& distance,
                  std::int64_t begin) {
  if (const auto* slope = std::get_if<SlopeBias>(&term)) {
    const at::Tensor far = slope->symmetric ? distance.abs() : distance;
    return -slope->slopes.to(tile.q.options()).view({-1, 1, 1}) * far.unsqueeze(1);
  }
  if (const auto* table = std::get_if<DistanceBias>(&term)) return by_distance(*table, distance);
  if (const auto* dense = std::get_if<DenseBias>(&term)) return dense->values(tile);
  const auto& outer = std::get<OuterBias>(term);
  at::Tensor sum;
  if (outer.queries.defined()) sum = outer.queries.narrow(2, begin, tile.q.size(2)).unsqueeze(3);
  if (outer.keys.defined()) sum = sum.defined() ? sum + outer.keys.unsqueeze(2) : outer.keys.unsqueeze(2);
  return sum.defined() ? sum : at::zeros({1, 1, 1, 1}, tile.q.options());
}

}  // namespace

at::Tensor ExplicitAttention::operator()(const at::Tensor& q, const at::Tensor& k,
                                         const at::Tensor& v) const {
  // q [B,H,T,D], k, v [B,H,S,D] -> [B,H,T,D]
  const at::ScalarType type = q.scalar_type();
  if (type == at::kBFloat16 || type == at::kHalf)
    return (*this)(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat)).to(type);
  const std::int64_t length = q.size(2), keys = k.size(2), past = keys - length;
  const at::Tensor scaled_q = q * (1 / std::sqrt(static_cast<double>(q.size(3))));
  std::vector<at::Tensor> results, all_weights;
  for (std::int64_t begin = 0; begin < length; begin += tile) {
    const std::int64_t t = std::min(tile, length - begin);
    const Tile part{query_positions.narrow(1, begin, t), key_positions, q.narrow(2, begin, t)};
    const at::Tensor distance = part.query_positions.unsqueeze(2) - key_positions.unsqueeze(1);  // [1|B,t,S]
    at::Tensor scores = at::matmul(scaled_q.narrow(2, begin, t), k.transpose(2, 3));             // [B,H,t,S]
    for (const AttentionBias::Term& term : bias.terms())
      scores = (scores + values(term, part, distance, begin)).to(type);
    const at::Tensor unseen = visible.seen(begin, t, keys, past).logical_not_().unsqueeze(1);
    const at::Tensor shares =
        scores.masked_fill(unseen, -std::numeric_limits<double>::infinity()).softmax(-1);
    if (weights != nullptr) all_weights.push_back(shares);
    results.push_back(at::matmul(dropout > 0 ? apply_dropout(shares, dropout, true) : shares, v));
  }
  if (weights != nullptr) *weights = at::cat(all_weights, 2);
  return results.size() == 1 ? results.front() : at::cat(results, 2);
}

}  // namespace nopos
