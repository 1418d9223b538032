#include "nopos/nn/attention.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <variant>
#include <vector>

#include "nopos/encodings.h"
#include "nopos/error.h"
#include "ways_of_bfloat16.h"

namespace nopos {
namespace {

constexpr std::int64_t B = 2, H = 3, T = 7, C = 12, D = C / H;

using Term = std::variant<SlopeBias, DistanceBias, OuterBias, DenseBias>;
using Terms = std::vector<Term>;

/// Declares whatever bias it is given; may multiply the queries.
class Declared final : public PositionalEncoding {
 public:
  explicit Declared(Terms terms = {}, double query_scale = 1)
      : terms_(std::move(terms)), query_scale_(query_scale) {}
  void scores(Scores& scores, Layer&) override {
    for (const Term& term : terms_) std::visit([&](const auto& one) { scores.add(one); }, term);
  }
  Heads transform(Heads heads, Layer&) override { return {heads.q * query_scale_, heads.k, heads.v}; }

 private:
  Terms terms_;
  double query_scale_;
};

at::Tensor run(const MultiheadAttention& attention, Encodings& encodings, const at::Tensor& x) {
  ForwardPass pass(encodings, {.tokens = at::full({x.size(0), x.size(1)}, 5, at::kLong)}, {});
  return attention.forward(x, pass, 0);
}

std::shared_ptr<Encodings> declaring(Terms terms, double query_scale = 1) {
  return compose(std::make_shared<Declared>(std::move(terms), query_scale));
}

/// -> [1,1,t,S]
at::Tensor distances(const Tile& tile) {
  return (tile.key_positions.unsqueeze(1) - tile.query_positions.unsqueeze(2)).to(at::kFloat).unsqueeze(1);
}

/// Attention written out one number at a time; bias(head, distance).
at::Tensor by_hand(const MultiheadAttention& attention, const at::Tensor& x, double query_scale,
                   const std::function<double(std::int64_t, std::int64_t)>& bias) {
  const auto weights = attention.named_parameters();
  const auto project = [&](const std::string& name, const at::Tensor& input) {
    return at::matmul(input, weights[name + ".weight"].to(at::kDouble).t()) +
           weights[name + ".bias"].to(at::kDouble);
  };
  const at::Tensor wide = x.to(at::kDouble);
  const at::Tensor q = project("q_proj", wide), k = project("k_proj", wide), v = project("v_proj", wide);
  at::Tensor mixed = at::zeros({x.size(0), x.size(1), C}, at::kDouble);
  for (std::int64_t b = 0; b < x.size(0); ++b) {
    for (std::int64_t h = 0; h < H; ++h) {
      const auto of_head = [&](const at::Tensor& all, std::int64_t i) {
        return all[b][i].narrow(0, h * D, D);
      };
      for (std::int64_t i = 0; i < x.size(1); ++i) {
        double total = 0;
        at::Tensor sum = at::zeros({D}, at::kDouble);
        for (std::int64_t j = 0; j <= i; ++j) {
          const double score =
              query_scale * of_head(q, i).dot(of_head(k, j)).item<double>() / std::sqrt(double(D));
          const double weight = std::exp(score + bias(h, i - j));
          total += weight;
          sum += weight * of_head(v, j);
        }
        of_head(mixed, i).copy_(sum / total);
      }
    }
  }
  return project("out_proj", mixed);
}

class Attention : public testing::Test {
 protected:
  void SetUp() override { at::manual_seed(7); }

  void expect_formula(Terms declared, const std::function<double(std::int64_t, std::int64_t)>& bias,
                      double query_scale = 1) {
    const at::NoGradGuard no_grad;
    const MultiheadAttention attention({.dim = C, .heads = H});
    const auto encoding = declaring(std::move(declared), query_scale);
    const at::Tensor x = at::randn({B, T, C});
    EXPECT_TRUE(at::allclose(run(attention, *encoding, x).to(at::kDouble),
                             by_hand(attention, x, query_scale, bias), 1e-5, 1e-6));
  }

  const at::Tensor slopes = at::tensor({0.5, 0.25, 2.0}, at::kFloat);
  const at::Tensor table = at::randn({H, 4});
  const SlopeBias slope{slopes};
  const DenseBias dense{[](const Tile& tile) { return distances(tile).square().mul(0.1); }};
};

TEST_F(Attention, WithoutBias) {
  expect_formula({}, [](auto, auto) { return 0.0; });
  expect_formula(
      {}, [](auto, auto) { return 0.0; }, /*query_scale=*/3);
}

TEST_F(Attention, WithEachDeclaredBias) {
  const auto by_slope = [&](std::int64_t h, std::int64_t d) { return -slopes[h].item<double>() * double(d); };
  const auto by_table = [&](std::int64_t h, std::int64_t d) {
    return table[h][std::min<std::int64_t>(d, 3)].item<double>();
  };
  const auto by_square = [](std::int64_t, std::int64_t d) { return 0.1 * double(d * d); };
  expect_formula({slope}, by_slope);
  expect_formula({DistanceBias{table}}, by_table);
  expect_formula({dense}, by_square);
  expect_formula({OuterBias{{}, at::arange(T, at::kFloat).mul(0.1).view({1, 1, T})}},
                 [](auto, auto d) { return -0.1 * double(d); });  // and 0.1 i, which no query sees
  expect_formula({slope, DistanceBias{table}, dense},
                 [&](auto h, auto d) { return by_slope(h, d) + by_table(h, d) + by_square(h, d); });
}

TEST_F(Attention, TrainsATableThatRequiresGradients) {
  const MultiheadAttention attention({.dim = C, .heads = H});
  const at::Tensor values = table.clone().requires_grad_(true);
  const auto encoding = declaring({DistanceBias{values}});
  const at::Tensor x = at::randn({B, T, C});
  run(attention, *encoding, x).square().sum().backward();
  const at::Tensor first = values.grad().clone();
  EXPECT_GT(first.abs().min().item<float>(), 0);
  values.mutable_grad().reset();
  values.data().mul_(2);  // as an optimizer does, unseen by autograd
  run(attention, *encoding, x).square().sum().backward();
  EXPECT_FALSE(at::allclose(values.grad(), first));
}

// With dropout another path computes the same function: one that drops (almost) nothing must agree with the
// one that drops nothing, gradients and a trained bias included.
TEST_F(Attention, WithDropoutHasTheSameGradients) {
  std::vector<std::vector<at::Tensor>> found;
  for (const double p : {0.0, 1e-9}) {
    at::manual_seed(11);
    const MultiheadAttention attention({.dim = C, .heads = H, .dropout = p});
    const at::Tensor x = at::randn({B, T, C}).requires_grad_(true),
                     values = table.clone().requires_grad_(true);
    const auto encoding = declaring({slope, DistanceBias{values}});
    const at::Tensor y = run(attention, *encoding, x);
    y.square().sum().backward();
    found.push_back({y.detach(), x.grad(), values.grad()});
    for (const auto& parameter : attention.named_parameters())
      found.back().push_back(parameter.value().grad());
  }
  for (std::size_t i = 0; i < found[0].size(); ++i) {
    EXPECT_TRUE(at::allclose(found[0][i], found[1][i], 1e-4, 1e-5)) << i;
  }
}

// In bfloat16 the processor, the length of a block and what is trained decide on the path; each has the
// gradients of float32, within what bfloat16 can tell apart.
TEST_F(Attention, InBfloat16HasTheGradientsOfFloat32) {
  const auto gradients = [&](const Terms& bias, std::int64_t length, at::ScalarType type) {
    at::manual_seed(12);
    MultiheadAttention attention({.dim = C, .heads = H});
    attention.to(at::kBFloat16), attention.to(type);
    const at::Tensor x = at::randn({B, length, C}).to(at::kBFloat16).to(type).requires_grad_(true);
    const auto encoding = declaring(bias);
    const at::Tensor y = run(attention, *encoding, x);
    y.square().sum().backward();
    std::vector<at::Tensor> found{y.detach(), x.grad()};
    for (const auto& parameter : attention.named_parameters()) {
      // it moves all scores of a query alike, so that its gradient is zero but for rounding
      if (parameter.key() != "k_proj.bias") found.push_back(parameter.value().grad());
    }
    return found;
  };
  const Terms sum = {slope, DenseBias{[](const Tile& tile) { return distances(tile).cos(); }}};
  const Terms trained = {DistanceBias{table.clone().requires_grad_(true)}};
  for (const Terms& bias : {Terms(), Terms{slope}, sum, trained}) {
    for (const std::int64_t length : {T, std::int64_t{300}, std::int64_t{513}}) {
      const std::vector<at::Tensor> exact = gradients(bias, length, at::kFloat);
      test::WaysOfBfloat16 ways;
      for (const Bfloat16Products way : test::WaysOfBfloat16::all) {
        if (!ways.take(way)) continue;
        const std::vector<at::Tensor> found = gradients(bias, length, at::kBFloat16);
        for (std::size_t i = 0; i < exact.size(); ++i) {
          const at::Tensor error = found[i].to(at::kFloat) - exact[i];
          EXPECT_EQ(found[i].scalar_type(), at::kBFloat16);
          EXPECT_LT(error.norm().item<float>(), 0.02 * exact[i].norm().item<float>())
              << bias.size() << ' ' << length << ' ' << static_cast<int>(way) << ' ' << i;
        }
      }
    }
  }
}

TEST_F(Attention, DropsItsShareOfWeightsAndKeepsTheMean) {
  MultiheadAttention attention({.dim = C, .heads = H, .dropout = 0.5});
  const auto encoding = declaring({});
  const at::Tensor x = at::randn({B, T, C});
  attention.eval();
  const at::Tensor expected = run(attention, *encoding, x).detach();
  attention.train();
  at::Tensor sum = at::zeros_like(x);
  for (int i = 0; i < 2000; ++i) sum += run(attention, *encoding, x).detach();
  EXPECT_FALSE(at::allclose(run(attention, *encoding, x), expected, 1e-2, 1e-2));
  EXPECT_TRUE(at::allclose(sum / 2000, expected, 0, 0.08));
}

TEST_F(Attention, GroupsOfQueriesShareKeysOfTheirOwnWidthsAndNorms) {
  const at::NoGradGuard no_grad;
  const MultiheadAttention attention(
      {.dim = C, .heads = 4, .key_heads = 2, .head_dim = 6, .value_dim = 5, .bias = false, .qk_norm = true});
  const auto weights = attention.named_parameters();
  EXPECT_EQ(weights["k_proj.weight"].sizes(), (at::IntArrayRef{12, C}));
  EXPECT_EQ(weights["v_proj.weight"].sizes(), (at::IntArrayRef{10, C}));
  EXPECT_EQ(weights["out_proj.weight"].sizes(), (at::IntArrayRef{C, 20}));
  weights["q_norm.weight"].copy_(at::rand({6}) + 0.5), weights["k_norm.weight"].copy_(at::rand({6}) + 0.5);
  const at::Tensor x = at::randn({B, T, C});
  const auto heads = [&](const char* name, std::int64_t count) {
    return at::matmul(x, weights[name].t()).view({B, T, count, -1}).transpose(1, 2);
  };
  const auto normed = [&](const at::Tensor& y, const char* name) {
    return y / (y.square().mean(3, true) + 1e-6).sqrt() * weights[name];
  };
  const auto each_twice = [](const at::Tensor& y) { return y.repeat_interleave(2, 1); };
  const at::Tensor q = normed(heads("q_proj.weight", 4), "q_norm.weight"),
                   k = each_twice(normed(heads("k_proj.weight", 2), "k_norm.weight")),
                   v = each_twice(heads("v_proj.weight", 2));
  const at::Tensor hidden = at::ones({T, T}, at::kBool).triu(1);
  const at::Tensor shares = (at::matmul(q, k.transpose(2, 3)) / std::sqrt(6.0))
                                .masked_fill(hidden, -std::numeric_limits<double>::infinity())
                                .softmax(3);
  const at::Tensor expected =
      at::matmul(at::matmul(shares, v).transpose(1, 2).flatten(2), weights["out_proj.weight"].t());
  EXPECT_TRUE(at::allclose(run(attention, *declaring({}), x), expected, 1e-5, 1e-6));
}

TEST_F(Attention, RefusesShapesThatDoNotFit) {
  EXPECT_THROW(MultiheadAttention({.dim = 10, .heads = 3}), Error);
  EXPECT_THROW(MultiheadAttention({.dim = 12, .heads = 3, .key_heads = 2}), Error);
  EXPECT_THROW(MultiheadAttention({.dim = 12, .heads = 0}), Error);
}

}  // namespace
}  // namespace nopos
