// Which path attention takes, and that every path computes what the formula does.
#include "attention_path.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "forward_state.h"
#include "nopos/encodings.h"
#include "nopos/nn/attention.h"
#include "nopos/nn/simd.h"

namespace nopos {
namespace {

TEST(AttentionPath, IsChosenByATable) {
  const struct {
    const char* what;
    AttentionCase of;
    AttentionPath expected;
  } rows[] = {
      {"nothing declared", {.queries = 9, .keys = 9}, AttentionPath::aten},
      {"nothing declared, long", {.queries = 64, .keys = 64}, AttentionPath::block},
      {"the same on a GPU", {.on_cpu = false, .queries = 9, .keys = 9}, AttentionPath::aten},
      {"a GPU with terms",
       {.on_cpu = false, .queries = 9, .keys = 9, .has_terms = true},
       AttentionPath::formula},
      {"a GPU and a chunk", {.on_cpu = false, .queries = 2, .keys = 9}, AttentionPath::formula},
      {"dropout", {.has_dropout = true, .queries = 9, .keys = 9}, AttentionPath::block},
      {"dropout by ATen's draws",
       {.has_dropout = true, .dropout_by_key = false, .queries = 9, .keys = 9},
       AttentionPath::formula},
      {"terms", {.queries = 9, .keys = 9, .has_terms = true}, AttentionPath::block},
      {"a chunk", {.queries = 2, .keys = 9}, AttentionPath::block},
      {"one token", {.queries = 1, .keys = 9}, AttentionPath::row},
      {"one token with gradients", {.has_gradient = true, .queries = 1, .keys = 9}, AttentionPath::block},
      {"documents", {.queries = 9, .keys = 9, .plain_layout = false}, AttentionPath::block},
      {"padding between tokens",
       {.queries = 9, .keys = 9, .plain_layout = false, .has_holes = true},
       AttentionPath::formula},
      {"slopes at irregular positions",
       {.queries = 9, .keys = 9, .by_columns = false, .has_terms = true},
       AttentionPath::block},
      {"tables at irregular positions",
       {.queries = 9, .keys = 9, .by_columns = false, .has_terms = true, .has_tables = true},
       AttentionPath::formula},
      {"a rescore",
       {.queries = 9, .keys = 9, .has_terms = true, .needs_formula = true},
       AttentionPath::formula},
      {"bfloat16, evaluated", {.type = at::kBFloat16, .queries = 9, .keys = 9}, AttentionPath::aten},
      {"bfloat16, trained",
       {.type = at::kBFloat16, .has_gradient = true, .queries = 9, .keys = 9},
       AttentionPath::block},
      {"bfloat16 where ATen is slow",
       {.type = at::kBFloat16, .narrow_aten = false, .queries = 9, .keys = 9},
       AttentionPath::block},
      {"float16", {.type = at::kHalf, .queries = 9, .keys = 9}, AttentionPath::aten},
      {"float16 with terms",
       {.type = at::kHalf, .queries = 9, .keys = 9, .has_terms = true},
       AttentionPath::formula},
      {"double", {.type = at::kDouble, .queries = 9, .keys = 9}, AttentionPath::formula},
      {"no BLAS", {.fused = false, .queries = 9, .keys = 9, .has_terms = true}, AttentionPath::formula},
      {"no BLAS, nothing declared", {.fused = false, .queries = 9, .keys = 9}, AttentionPath::aten},
      {"forced", {.formula_is_forced = true, .queries = 9, .keys = 9}, AttentionPath::formula},
  };
  for (const auto& [what, of, expected] : rows) EXPECT_STREQ(name_of(choose(of)), name_of(expected)) << what;
}

constexpr std::int64_t B = 2, H = 4, T = 37, C = 32, D = C / H;

/// Declares learned terms, by name.
struct Terms final : PositionalEncoding {
  explicit Terms(std::string which) : which(std::move(which)) {
    slopes = register_parameter("slopes", at::rand({H}) * 0.3);
    table = register_parameter("table", at::randn({H, 9}));
    columns = register_parameter("columns", at::randn({C, H}) / 4);
    features = register_parameter("features", at::randn({H, D, 6}) / 4);
    rows = register_parameter("rows", at::randn({1, 12, 6}));
  }
  bool has(const char* term) const { return which == "all" || which == term; }
  void scores(Scores& scores, Layer& layer) override {
    if (has("slope")) scores.add(SlopeBias{slopes});
    if (has("table")) scores.add(DistanceBias{table, /*first=*/1});
    if (has("outer")) {
      const at::Tensor now = at::matmul(layer.x().to(at::kFloat), columns.to(at::kFloat));
      const at::Tensor all = layer.append("columns", now).transpose(1, 2);
      scores.add(OuterBias{now.transpose(1, 2), all});
    }
    if (has("relative"))
      scores.add(RelativeTerm{at::matmul(scores.q(), features.to(scores.q().scalar_type())), rows});
  }
  std::string which;
  at::Tensor slopes, table, columns, features, rows;
};

struct Way {
  const char* terms;
  const char* layout;
  std::int64_t key_heads = H;
  double dropout = 0;
};

std::ostream& operator<<(std::ostream& stream, const Way& way) {
  return stream << way.terms << ", " << way.layout << ", " << way.key_heads << " key heads, dropout "
                << way.dropout;
}

struct Result {
  std::string path;
  std::vector<at::Tensor> tensors;  // features, then gradients, last those of the terms
  std::size_t of_terms = 0;
};

Result attended(const Way& way, at::ScalarType type, bool by_formula) {
  by_formula ? setenv("NOPOS_ATTENTION", "explicit", 1) : unsetenv("NOPOS_ATTENTION");
  at::manual_seed(5);
  const auto encoding = std::make_shared<Terms>(way.terms);
  const std::string layout = way.layout;
  const auto encodings = compose({{"", "terms", encoding}}, {{{0}, layout == "window" ? 5 : 0}}, {});
  MultiheadAttention attention({.dim = C, .heads = H, .key_heads = way.key_heads, .dropout = way.dropout});
  attention.to(at::kBFloat16), attention.to(type);  // the same numbers in both types
  Batch batch{.tokens = at::full({B, T}, 5, at::kLong)};
  if (layout == "documents")
    batch.document_ids = at::arange(T).floor_divide(at::tensor({8, 15}, at::kLong).unsqueeze(1));
  if (layout == "left padding") batch.tokens[1].slice(0, 0, 6).fill_(1);
  const at::Tensor x = at::randn({B, T, C}).to(at::kBFloat16).to(type);
  const bool trains = layout != "one row";
  if (trains) x.requires_grad_();
  attention.train(trains);
  const at::AutoGradMode gradients(trains);
  DecodingState state({.rows = B, .planned = T, .layers = 1});
  const auto run = [&](std::int64_t begin, std::int64_t length) {
    const bool chunked = layout == "chunk" || layout == "one row";
    Batch part = batch;
    part.tokens = batch.tokens.narrow(1, begin, length);
    ForwardPass pass(*encodings, part, {.causal = layout != "both ways"},
                     {.state = chunked ? &state : nullptr});
    return pass.finish(attention.forward(x.narrow(1, begin, length), pass, 0));
  };
  at::Tensor y;
  if (layout == "chunk") {
    y = at::cat({run(0, 20), run(20, T - 20)}, 1);
  } else if (layout == "one row") {
    y = at::cat({run(0, T - 1), run(T - 1, 1)}, 1);
  } else {
    y = run(0, T);
  }
  if (layout == "left padding") y = y.slice(1, 6);  // padding has no meaning
  torch::nn::Module all;
  all.register_module("encodings", encodings);
  Result result{.path = attention_paths(all), .tensors = {y.detach()}};
  if (!trains) return result;
  at::Tensor(y * at::cos(at::arange(y.numel(), at::kFloat)).view(y.sizes())).sum().backward();
  result.tensors.push_back(x.grad());
  for (const auto& parameter : attention.named_parameters()) {
    if (parameter.key() != "k_proj.bias")
      result.tensors.push_back(parameter.value().grad());  // 0 but for rounding
  }
  for (const at::Tensor& parameter : encoding->parameters()) {
    if (!parameter.grad().defined()) continue;
    result.tensors.push_back(parameter.grad());
    ++result.of_terms;
  }
  return result;
}

class Paths : public testing::TestWithParam<Way> {
 protected:
  void TearDown() override { unsetenv("NOPOS_ATTENTION"); }
};

TEST_P(Paths, ComputeTheFormula) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const Result exact = attended(GetParam(), at::kFloat, /*by_formula=*/true);
    const Result fast = attended(GetParam(), type, /*by_formula=*/false);
    EXPECT_EQ(exact.path, "layer 0: formula");
    const bool is_row = std::string(GetParam().layout) == "one row";
    EXPECT_EQ(fast.path, is_row ? "layer 0: row kernel" : "layer 0: block kernel");
    ASSERT_EQ(fast.tensors.size(), exact.tensors.size());
    for (std::size_t i = 0; i < exact.tensors.size(); ++i) {
      const at::Tensor error = (fast.tensors[i].to(at::kFloat) - exact.tensors[i]).abs();
      const double size = exact.tensors[i].abs().max().item<double>();
      // bfloat16 has 8 bits: a product's factors and its result are each off by 2^-9, and a gradient passes
      // through five of them; the largest of thousands of such errors is a few times as large. Gradients of
      // terms are sums over all rows and queries of numbers of both signs.
      const bool is_sum = i + exact.of_terms >= exact.tensors.size();
      const double tolerance = type == at::kFloat ? 1e-5 : is_sum ? 0.1 : 0.05;
      EXPECT_LE(error.max().item<double>(), tolerance * std::max(size, 1.0)) << i << ' ' << toString(type);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Paths, testing::ValuesIn([] {
                           std::vector<Way> ways;
                           for (const char* terms : {"slope", "table", "outer", "relative", "all"}) {
                             for (const char* layout : {"whole", "window", "documents", "left padding",
                                                        "both ways", "chunk", "one row"})
                               ways.push_back({terms, layout});
                             ways.push_back({terms, "whole", 2});
                             ways.push_back({terms, "whole", H, 0.2});
                             ways.push_back({terms, "window", 2, 0.2});
                           }
                           for (const char* layout : {"window", "documents", "both ways", "chunk", "one row"})
                             ways.push_back({"none", layout, 1});
                           ways.push_back({"none", "whole", H, 0.1});
                           return ways;
                         }()));

}  // namespace
}  // namespace nopos
