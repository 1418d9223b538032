#include "explicit_attention.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "nopos/error.h"

namespace nopos {
namespace {

using Term = std::variant<SlopeBias, DistanceBias, OuterBias, RelativeTerm, RelativeKeyTerm, DenseBias>;
using Terms = std::vector<Term>;

constexpr std::int64_t B = 2, H = 3, T = 5, S = 8, D = 4;

/// One number at a time: seen(b, i, j) and bias(b, h, i, j) of query i, of T, and key j, of S.
at::Tensor by_hand(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                   const std::function<bool(int, int, int)>& seen,
                   const std::function<double(int, int, int, int)>& bias) {
  at::Tensor result = at::zeros({B, H, T, D}, at::kDouble);
  for (int b = 0; b < B; ++b) {
    for (int h = 0; h < H; ++h) {
      for (int i = 0; i < T; ++i) {
        double total = 0;
        for (int j = 0; j < S; ++j) {
          if (!seen(b, i, j)) continue;
          const double score = q[b][h][i].dot(k[b][h][j]).item<double>() / std::sqrt(double(D));
          const double weight = std::exp(score + bias(b, h, i, j));
          total += weight;
          result[b][h][i] += weight * v[b][h][j];
        }
        result[b][h][i] /= total;
      }
    }
  }
  return result;
}

class Explicit : public testing::Test {
 protected:
  void SetUp() override {
    at::manual_seed(4);
    q = at::randn({B, H, T, D}, at::kDouble);
    k = at::randn({B, H, S, D}, at::kDouble), v = at::randn({B, H, S, D}, at::kDouble);
    // row 0: padding in column 1; row 1: a document begins in column 4
    real = at::ones({B, S}, at::kBool);
    real[0][1] = false;
    layout = layout_of({real, at::arange(S).ge(4).to(at::kLong).mul(at::tensor({0, 1}).unsqueeze(1))}, S - T,
                       /*causal=*/true, /*window=*/0);
    keys = at::cat({at::tensor({0, 0, 1, 2, 3, 4, 5, 6}), at::tensor({0, 1, 2, 3, 0, 1, 2, 3})}).view({B, S});
  }
  static bool seen(int b, int i, int j) {
    const int column = i + static_cast<int>(S - T);
    if (j > column) return false;
    return b == 0 ? j != 1 : j >= 4 || column < 4;
  }
  at::Tensor attention(const Terms& terms, std::int64_t tile, at::Tensor* weights = nullptr) const {
    ScoresState state{.q = q, .k = k, .scale = 1 / std::sqrt(double(D))};
    Scores scores(state);
    for (const Term& term : terms) std::visit([&](const auto& one) { scores.add(one); }, term);
    return ExplicitAttention{.declared = state,
                             .visible = layout.visible,
                             .query_positions = keys.narrow(1, S - T, T),
                             .key_positions = keys,
                             .dropout_key = {},
                             .weights = weights,
                             .tile = tile}(q, k, v);
  }
  double distance(int b, int i, int j) const {
    return static_cast<double>(keys[b][i + (S - T)].item<std::int64_t>() - keys[b][j].item<std::int64_t>());
  }

  at::Tensor q, k, v, real, keys;
  Layout layout;
};

TEST_F(Explicit, IsTheFormulaForEachTermAndEveryTile) {
  const at::Tensor slopes = at::tensor({0.5, 0.25, 2.0}), table = at::randn({H, 4}, at::kDouble);
  const at::Tensor of_queries = at::randn({B, 1, T}, at::kDouble),
                   of_keys = at::randn({1, H, S}, at::kDouble);
  const at::Tensor features = at::randn({B, H, S, 3}, at::kDouble), rows = at::randn({H, 4, 3}, at::kDouble);
  const auto place = [&](int b, int i, int j) {  // in a table of 4 that begins at distance 1
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(distance(b, i, j)) - 1, 0, 3);
  };
  const auto at_distance = [&](int b, int h, int i, int j) {
    return table[h][place(b, i, j)].item<double>();
  };
  struct {
    Terms terms;
    std::function<double(int, int, int, int)> expected;
  } const cases[] = {
      {{}, [](auto...) { return 0; }},
      {{SlopeBias{slopes}},
       [&](int b, int h, int i, int j) { return -slopes[h].item<double>() * distance(b, i, j); }},
      {{DistanceBias{table, /*first=*/1}}, at_distance},
      {{DistanceBias{table.narrow(0, 1, 1), 1}},
       [&](int b, int, int i, int j) { return at_distance(b, 1, i, j); }},
      {{OuterBias{of_queries, of_keys}},
       [&](int b, int h, int i, int j) {
         return of_queries[b][0][i].item<double>() + of_keys[0][h][j].item<double>();
       }},
      {{RelativeTerm{features.narrow(2, S - T, T), rows, 1}},
       [&](int b, int h, int i, int j) {
         return features[b][h][i + (S - T)].dot(rows[h][place(b, i, j)]).item<double>();
       }},
      {{RelativeKeyTerm{features, rows.narrow(0, 2, 1), 1}},
       [&](int b, int h, int i, int j) {
         return features[b][h][j].dot(rows[2][place(b, i, j)]).item<double>();
       }},
      {{DenseBias{[](const Tile& tile) {
         const at::Tensor n = tile.query_positions.unsqueeze(2) - tile.key_positions.unsqueeze(1);
         return n.unsqueeze(1) * tile.q.select(3, 0).unsqueeze(3);
       }}},
       [&](int b, int h, int i, int j) { return distance(b, i, j) * q[b][h][i][0].item<double>(); }}};
  Terms all;
  std::function<double(int, int, int, int)> sum = [](auto...) { return 0; };
  const auto check = [&](const Terms& terms, const std::function<double(int, int, int, int)>& expected,
                         const std::string& what) {
    const at::Tensor wanted = by_hand(q, k, v, seen, expected);
    for (const std::int64_t tile : {1, 2, 5, 100})
      EXPECT_TRUE(at::allclose(attention(terms, tile), wanted, 1e-11, 1e-11)) << what << ", tile " << tile;
  };
  for (const auto& [terms, expected] : cases) {
    check(terms, expected, std::to_string(all.size()));
    all.insert(all.end(), terms.begin(), terms.end());
    sum = [before = sum, more = expected](int b, int h, int i, int j) {
      return before(b, h, i, j) + more(b, h, i, j);
    };
  }
  check(all, sum, "the sum");
}

TEST_F(Explicit, HandsOutTheWeightsOfEachTile) {
  at::Tensor weights;
  const at::Tensor mixed = attention({}, 2, &weights);
  ASSERT_EQ(weights.sizes(), (at::IntArrayRef{B, H, T, S}));
  EXPECT_TRUE(at::allclose(at::matmul(weights, v), mixed));
  for (int i = 0; i < T; ++i) {
    for (int j = 0; j < S; ++j)
      EXPECT_EQ(weights[0][0][i][j].item<double>() > 0, seen(0, i, j)) << i << ' ' << j;
  }
}

TEST_F(Explicit, HasOneValueForADistanceOnlyWhereDistancesAreWhole) {
  keys = keys.to(at::kFloat);
  EXPECT_THROW(attention({DistanceBias{at::ones({H, 4})}}, 5), Error);
  EXPECT_NO_THROW(attention({SlopeBias{at::ones({H})}}, 5));
}

TEST_F(Explicit, ComputesNarrowTypesInFloat) {
  const at::Tensor exact = attention({SlopeBias{at::full({H}, 0.3)}}, 5);
  q = q.to(at::kBFloat16), k = k.to(at::kBFloat16), v = v.to(at::kBFloat16);
  const at::Tensor found = attention({SlopeBias{at::full({H}, 0.3)}}, 5);
  EXPECT_EQ(found.scalar_type(), at::kBFloat16);
  EXPECT_LT((found.to(at::kDouble) - exact).norm().item<double>(), 0.02 * exact.norm().item<double>());
}

}  // namespace
}  // namespace nopos
