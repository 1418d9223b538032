#include "explicit_attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "dropout_draw.h"
#include "nopos/error.h"
#include "nopos/nn/dropout.h"

namespace nopos {
namespace {

/// Where in a table of `size` values each distance stands, [1|B,t,S] -> the same shape.
at::Tensor places(const at::Tensor& distance, std::int64_t first, std::int64_t size) {
  if (distance.is_floating_point()) {
    throw Error(ExitCode::configuration,
                "a positional encoding has one value for each distance, but the positions are not integers: "
                "another encoding changed them. Choose one of the two.");
  }
  return (distance - first).clamp_(0, size - 1);
}

/// What encodings declared, for the queries [begin, begin + t) of one tile.
class TileTerms {
 public:
  TileTerms(const ScoresState& declared, const Tile& tile, std::int64_t begin)
      : declared_(declared),
        tile_(tile),
        begin_(begin),
        distance_(first_axis(tile.query_positions).unsqueeze(2) -
                  first_axis(tile.key_positions).unsqueeze(1)) {}

  /// scores [B,H,t,S] -> [B,H,t,S]
  at::Tensor added_to(at::Tensor scores) const {
    const at::ScalarType type = scores.scalar_type();
    const auto add = [&](const at::Tensor& term) { scores = scores + term.to(type); };
    for (const SlopeBias& term : declared_.slopes) {
      const at::Tensor far = term.symmetric ? distance_.abs() : distance_;
      add(-term.slopes.to(type).view({-1, 1, 1}) * far.unsqueeze(1));
    }
    for (const DistanceBias& term : declared_.distances) {
      const at::Tensor column = places(distance_, term.first, term.values.size(1));
      add(term.values.index_select(1, column.reshape(-1))
              .view({term.values.size(0), column.size(0), column.size(1), column.size(2)})
              .transpose(0, 1));
    }
    for (const OuterBias& term : declared_.outers) {
      if (term.queries.defined()) add(of_tile(term.queries).unsqueeze(3));
      if (term.keys.defined()) add(term.keys.unsqueeze(2));
    }
    for (const RelativeTerm& term : declared_.relatives)
      add(by_distance(of_tile(term.features).to(type), term.table, term.first, /*of_keys=*/false));
    for (const RelativeKeyTerm& term : declared_.relative_keys)
      add(by_distance(term.features.to(type), term.table, term.first, /*of_keys=*/true));
    for (const DenseBias& term : declared_.dense) add(term.values(tile_));
    return scores;
  }

  /// weights [B,H,t,S] -> what their tables of values add to the results, [B,H,t,Dv]
  at::Tensor relative_values(const at::Tensor& weights, const RelativeValues& term) const {
    const std::int64_t size = term.table.size(1);
    const at::Tensor column = places(distance_, term.first, size).unsqueeze(1).expand(weights.sizes());
    std::vector<std::int64_t> sizes = weights.sizes().vec();
    sizes[3] = size;
    const at::Tensor by_place = at::zeros(sizes, weights.options()).scatter_add(3, column, weights);
    return at::matmul(by_place, term.table.to(weights.scalar_type()));
  }

 private:
  at::Tensor of_tile(const at::Tensor& x) const { return x.narrow(2, begin_, tile_.q.size(2)); }

  /// features [1|B,1|H,t|S,R], table [1|H,N,R] -> [1|B,1|H,t,S]
  at::Tensor by_distance(const at::Tensor& features, const at::Tensor& table, std::int64_t first,
                         bool of_keys) const {
    const at::Tensor asked = at::matmul(features, table.to(features.scalar_type()).transpose(1, 2));
    at::Tensor column = places(distance_, first, table.size(1)).unsqueeze(1);  // [1|B,1,t,S]
    if (of_keys) column = column.transpose(2, 3);
    const std::int64_t rows = std::max(asked.size(0), column.size(0));
    const std::vector<std::int64_t> sizes = {rows, asked.size(1), column.size(2), column.size(3)};
    const at::Tensor found =
        asked.expand({rows, asked.size(1), asked.size(2), asked.size(3)}).gather(3, column.expand(sizes));
    return of_keys ? found.transpose(2, 3) : found;
  }

  const ScoresState& declared_;
  const Tile& tile_;
  std::int64_t begin_;
  at::Tensor distance_;  // [1|B,t,S]
};

/// Each of Hk heads as often as there are queries for it: [B,Hk,S,D] -> [B,H,S,D]
at::Tensor for_each_query(const at::Tensor& x, std::int64_t heads) {
  return x.size(1) == heads ? x : x.repeat_interleave(heads / x.size(1), 1);
}

}  // namespace

at::Tensor ExplicitAttention::operator()(const at::Tensor& q, const at::Tensor& k,
                                         const at::Tensor& v) const {
  // q [B,H,T,D], k [B,Hk,S,D], v [B,Hk,S,Dv] -> [B,H,T,Dv]
  const at::ScalarType type = q.scalar_type();
  if (type == at::kBFloat16 || type == at::kHalf)
    return (*this)(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat)).to(type);
  const at::Tensor keys = for_each_query(k, q.size(1)), values = for_each_query(v, q.size(1));
  std::vector<at::Tensor> results, all_weights;
  for (std::int64_t begin = 0; begin < q.size(2); begin += tile) {
    const std::int64_t t = std::min(tile, q.size(2) - begin);
    results.push_back(of_tile(begin, q.narrow(2, begin, t), keys, values, all_weights));
  }
  if (weights != nullptr) *weights = at::cat(all_weights, 2);
  return results.size() == 1 ? results.front() : at::cat(results, 2);
}

at::Tensor ExplicitAttention::dropped_out(const at::Tensor& shares, std::int64_t begin) const {
  // shares [B,H,t,S] of the queries from `begin` on -> [B,H,t,S]
  if (!dropout_key) return apply_dropout(shares, dropout, true);
  const std::vector<std::int64_t> all = {shares.size(0), shares.size(1), query_positions.size(-1),
                                         shares.size(3)};
  return shares * dropout_rows(*dropout_key, dropout, all, begin, shares.size(2)).to(shares.scalar_type());
}

at::Tensor ExplicitAttention::of_tile(std::int64_t begin, const at::Tensor& q, const at::Tensor& k,
                                      const at::Tensor& v, std::vector<at::Tensor>& all_weights) const {
  // q [B,H,t,D], k [B,H,S,D], v [B,H,S,Dv] -> [B,H,t,Dv]
  const std::int64_t t = q.size(2), keys = k.size(2), past = keys - query_positions.size(-1);
  Tile tile{query_positions.narrow(-1, begin, t), key_positions, q, {}};
  const TileTerms terms(declared, tile, begin);
  const at::Tensor scores = terms.added_to(at::matmul(q * declared.scale, k.transpose(2, 3)));
  const at::Tensor unseen = visible.seen(begin, t, keys, past).logical_not_().unsqueeze(1);
  tile.scores = scores.masked_fill(unseen, -std::numeric_limits<double>::infinity());
  for (const auto& rescore : declared.rescores) tile.scores = rescore(tile);
  at::Tensor shares = declared.normalize ? declared.normalize(tile) : tile.scores.softmax(-1);
  if (weights != nullptr) all_weights.push_back(shares);
  if (dropout > 0) shares = dropped_out(shares, begin);
  at::Tensor result = at::matmul(shares, v);
  for (const RelativeValues& term : declared.relative_values)
    result = result + terms.relative_values(shares, term);
  return result;
}

}  // namespace nopos
