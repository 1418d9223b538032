/// The attention kernels against their formula, written in plain operations of float64.

#include "block_attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "dropout_draw.h"
#include "matrix_product.h"
#include "ways_of_bfloat16.h"

namespace nopos {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Sizes {
  std::int64_t B = 2, H = 4, Hk = 4, T = 65, S = 65, D = 8, Dv = 8;
};

VisibleKeys ranges(const at::Tensor& first, const at::Tensor& last) {
  return {.first = first, .last = last, .hidden = {}};
}

VisibleKeys causal(const Sizes& n) {
  const at::Tensor columns = at::arange(n.S - n.T, n.S).unsqueeze(0);
  return ranges(at::zeros_like(columns), columns + 1);
}

VisibleKeys window(const Sizes& n, std::int64_t size) {
  const VisibleKeys all = causal(n);
  return ranges((all.last - size).clamp_(0), all.last);
}

VisibleKeys bidirectional(const Sizes& n) {
  return ranges(at::zeros({1, n.T}, at::kLong), at::full({1, n.T}, n.S, at::kLong));
}

/// Every row its own documents, of lengths that no block has.
VisibleKeys documents(const Sizes& n) {
  const at::Tensor columns = at::arange(n.S - n.T, n.S).unsqueeze(0),
                   length = (at::arange(n.B).mul(9) + 5).unsqueeze(1);
  return ranges(columns.div(length, "floor") * length, columns.expand({n.B, n.T}) + 1);
}

/// What a kernel is given, each tensor with a gradient.
struct Given {
  at::Tensor q, k, v;
  KernelTerms terms;
  VisibleKeys visible;
  KernelDropout dropout;

  std::vector<at::Tensor> leaves() const {
    std::vector<at::Tensor> result{q, k, v};
    for (const DistanceTable& table : terms.tables) result.push_back(table.values);
    result.insert(result.end(), terms.keys.begin(), terms.keys.end());
    for (const RelativeTable& relative : terms.relatives)
      result.insert(result.end(), {relative.features, relative.table});
    return result;
  }
  /// The same numbers in another type, as leaves.
  Given in_double() const {
    const auto leaf = [](const at::Tensor& x) { return x.detach().to(at::kDouble).requires_grad_(); };
    Given result{leaf(q), leaf(k), leaf(v), {terms.scale, {}, {}, {}}, visible, dropout};
    for (const auto& [values, first] : terms.tables) result.terms.tables.push_back({leaf(values), first});
    for (const at::Tensor& keys : terms.keys) result.terms.keys.push_back(leaf(keys));
    for (const auto& [features, table, first] : terms.relatives)
      result.terms.relatives.push_back({leaf(features), leaf(table), first});
    return result;
  }
};

at::Tensor formula(const Given& given) {
  const std::int64_t group = given.q.size(1) / given.k.size(1), T = given.q.size(2), S = given.k.size(2);
  const at::Tensor k = given.k.repeat_interleave(group, 1), v = given.v.repeat_interleave(group, 1);
  const at::Tensor n = at::arange(S - T, S).unsqueeze(1) - at::arange(S);  // [T,S]
  at::Tensor scores = at::matmul(given.q, k.transpose(2, 3)) * given.terms.scale;
  for (const auto& [values, first] : given.terms.tables) {
    const at::Tensor index = (n - first).clamp_(0, values.size(1) - 1);
    scores = scores + values.index_select(1, index.reshape(-1)).view({values.size(0), T, S});
  }
  for (const at::Tensor& keys : given.terms.keys) scores = scores + keys.unsqueeze(2);
  for (const auto& [features, table, first] : given.terms.relatives) {
    const at::Tensor products = at::matmul(features, table.transpose(1, 2)),  // [1|B,H,T,N]
        index = (n - first).clamp_(0, table.size(1) - 1);
    scores = scores + products.gather(3, index.expand({products.size(0), products.size(1), T, S}));
  }
  const at::Tensor seen = given.visible.seen(0, T, S, S - T).unsqueeze(1);
  at::Tensor weights = scores.masked_fill(seen.logical_not(), -infinity).softmax(-1);
  if (given.dropout.p > 0)
    weights = weights * dropout_rows(given.dropout.key, given.dropout.p, scores.sizes(), 0, T);
  return at::matmul(weights, v).transpose(1, 2).flatten(2);
}

at::Tensor by_kernel(const Given& given) {
  return block_attention(given.q, given.k, given.v, given.terms, given.visible, given.dropout);
}

/// Of the result, and of each leaf: how far they are from the formula's.
struct Found {
  std::vector<at::Tensor> found, exact;
  double means = 0;  // norm of the summands of Σ grad·result

  explicit Found(const Given& given) {
    const Given wide = given.in_double();
    const at::Tensor y = by_kernel(given), z = formula(wide);
    const at::Tensor upstream = at::randn(y.sizes()).to(y.scalar_type());
    found = torch::autograd::grad({y}, given.leaves(), {upstream});
    exact = torch::autograd::grad({z}, wide.leaves(), {upstream.to(at::kDouble)});
    means = (upstream * z).norm().item<double>();
    found.push_back(y.detach()), exact.push_back(z.detach());
  }
};

at::Tensor leaf(at::IntArrayRef sizes, double size = 1, at::ScalarType type = at::kFloat) {
  return (at::randn(sizes) * size).to(type).requires_grad_();
}

Given given(const Sizes& n, const VisibleKeys& visible, KernelTerms terms = {}, double p = 0,
            at::ScalarType type = at::kFloat) {
  terms.scale = 1 / std::sqrt(static_cast<double>(n.D));
  for (RelativeTable& relative : terms.relatives) {  // factors of their product are of one type
    relative.features = relative.features.detach().to(type).requires_grad_();
    relative.table = relative.table.detach().to(type).to(at::kFloat).requires_grad_();
  }
  return {leaf({n.B, n.H, n.T, n.D}, 1, type),
          leaf({n.B, n.Hk, n.S, n.D}, 1, type),
          leaf({n.B, n.Hk, n.S, n.Dv}, 1, type),
          std::move(terms),
          visible,
          {p, 0x1234567890}};
}

KernelTerms of_tables(std::vector<DistanceTable> tables) { return {1, std::move(tables), {}, {}}; }
KernelTerms of_keys(std::vector<at::Tensor> keys) { return {1, {}, std::move(keys), {}}; }
KernelTerms of_relative(RelativeTable relative) { return {1, {}, {}, {std::move(relative)}}; }

struct Case {
  std::string what;
  Given given;
};

/// Every kind of row and of term; of tensors of `type`.
std::vector<Case> cases(at::ScalarType type) {
  std::vector<Case> result;
  const auto add = [&](const std::string& what, const Sizes& n, const VisibleKeys& visible,
                       KernelTerms terms = {}, double p = 0) {
    result.push_back({what, given(n, visible, std::move(terms), p, type)});
  };
  for (const std::int64_t length : {1, 13, 65, 300}) {
    Sizes n;
    n.T = n.S = length;
    const std::string text = " of " + std::to_string(length);
    add("causal" + text, n, causal(n));
    add("causal with dropout" + text, n, causal(n), {}, 0.3);
    add("bidirectional" + text, n, bidirectional(n), {}, 0.1);
    add("table" + text, n, causal(n), of_tables({{leaf({n.H, length})}}));
    add("relative" + text, n, causal(n), of_relative({leaf({n.B, n.H, length, 6}), leaf({n.H, length, 6})}));
    n.T = (length + 1) / 2;
    add("chunk" + text, n, causal(n), of_tables({{leaf({n.H, 7})}}), 0.1);
  }
  Sizes n{.T = 130, .S = 130};
  add("window", n, window(n, 17), of_tables({{leaf({n.H, 9})}}), 0.1);
  add("window of one", n, window(n, 1));
  add("documents", n, documents(n), of_keys({leaf({n.B, n.H, n.S})}), 0.1);
  add("several tiles", {.B = 1, .H = 2, .Hk = 1, .T = 40, .S = 1300}, causal({.T = 40, .S = 1300}),
      of_keys({leaf({1, 1, 1300}, 4)}), 0.2);
  add("several tiles in a window", {.B = 1, .H = 1, .Hk = 1, .T = 1200, .S = 1200, .D = 4, .Dv = 4},
      window({.T = 1200, .S = 1200}, 900), of_tables({{leaf({1, 30}, 3), 5}}));
  add("grouped heads", {.Hk = 2, .Dv = 5}, causal({}), of_tables({{leaf({1, 65})}}), 0.1);
  add("one key head", {.B = 1, .Hk = 1, .D = 5, .Dv = 16}, causal({}));
  add("one value for every distance", n, causal(n), of_tables({{leaf({n.H, 1})}}));
  add("tables, both ways", n, bidirectional(n),
      of_tables({{leaf({n.H, 2 * n.S - 1}), 1 - n.S}, {leaf({1, 11}), -5}, {leaf({n.H, 400}), -200}}));
  add("a table of distances too great", n, causal(n), of_tables({{leaf({n.H, 20}), 500}}));
  add("keys", n, causal(n), of_keys({leaf({n.B, n.H, n.S}), leaf({1, n.H, n.S}), leaf({n.B, 1, n.S})}), 0.1);
  for (const std::int64_t clip : {0, 3, 16, 100}) {
    add("relative both ways as far as " + std::to_string(clip), n, bidirectional(n),
        of_relative({leaf({n.B, n.H, n.T, 6}), leaf({n.H, 2 * clip + 1, 6}), -clip}), 0.1);
  }
  add("relative, one for all", n, causal(n), of_relative({leaf({1, 1, n.T, 6}), leaf({1, 20, 6})}));
  add("relative, one for the batch", n, documents(n),
      of_relative({leaf({1, n.H, n.T, 6}), leaf({n.H, 9, 6})}));
  add("everything", {.Hk = 2, .T = 70, .S = 300}, causal({.T = 70, .S = 300}),
      {.tables = {{leaf({4, 300})}, {leaf({4, 8}), 3}},
       .keys = {leaf({2, 4, 300}), leaf({2, 1, 300})},
       .relatives = {{leaf({2, 4, 70, 8}), leaf({4, 300, 8})}, {leaf({2, 1, 70, 3}), leaf({1, 12, 3}), 40}}},
      0.1);
  return result;
}

/// One thread, that small operations of ATen's do not wait for another; more are compared with it.
class BlockAttention : public testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }
  void TearDown() override { at::set_num_threads(threads_); }

 private:
  int threads_ = at::get_num_threads();
};
using RowAttention = BlockAttention;

TEST_F(BlockAttention, IsTheFormulaInFloat) {
  if (!has_float_product()) GTEST_SKIP() << "this LibTorch has no product of float32 matrices";
  at::manual_seed(1);
  for (const Case& one : cases(at::kFloat)) {
    const Found result(one.given);
    for (std::size_t i = 0; i < result.found.size(); ++i) {
      ASSERT_EQ(result.found[i].sizes(), result.exact[i].sizes()) << one.what;
      // numbers of size 1, and sums of more than those where something is shared
      const double error = (result.found[i].to(at::kDouble) - result.exact[i]).abs().max().item<double>();
      EXPECT_LT(error, 1e-5 * std::max(1.0, result.exact[i].abs().max().item<double>()))
          << one.what << ", tensor " << i;
    }
  }
}

TEST_F(BlockAttention, IsTheFormulaInBfloat16ButForRounding) {
  test::WaysOfBfloat16 ways;
  for (const Bfloat16Products way : {Bfloat16Products::mkl, Bfloat16Products::widened}) {
    if (!ways.take(way)) continue;
    at::manual_seed(2);
    for (const Case& one : cases(at::kBFloat16)) {
      const Found result(one.given);
      for (std::size_t i = 0; i < result.found.size(); ++i) {
        ASSERT_EQ(result.found[i].sizes(), result.exact[i].sizes()) << one.what;
        // Weights, gradients of scores and each result are rounded once, by 2^-9 of themselves at most. From
        // the rounded result backward has the mean Σ grad·result of each row, which a gradient that is a sum
        // over keys sees, though it be 0.
        const double error = (result.found[i].to(at::kDouble) - result.exact[i]).norm().item<double>();
        EXPECT_LE(error, 0x1p-9 * (3 * result.exact[i].norm().item<double>() + 5 * result.means))
            << one.what << ", tensor " << i << ", way " << static_cast<int>(way);
      }
    }
  }
}

TEST_F(BlockAttention, DoesNotDependOnThreads) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    if (!has_block_attention(at::empty({0}, type))) continue;
    at::manual_seed(3);
    for (const Case& one : cases(type)) {
      std::vector<std::vector<at::Tensor>> found;
      const at::Tensor upstream = at::randn(by_kernel(one.given).sizes()).to(type);
      for (const int count : {1, 2}) {
        at::set_num_threads(count);
        const at::Tensor y = by_kernel(one.given);
        found.push_back(torch::autograd::grad({y}, one.given.leaves(), {upstream}));
        found.back().push_back(y.detach());
      }
      for (std::size_t i = 0; i < found[0].size(); ++i)
        EXPECT_TRUE(at::equal(found[0][i], found[1][i])) << one.what << ", tensor " << i;
    }
  }
}

TEST_F(BlockAttention, TakesViewsOfOneProjection) {
  at::manual_seed(4);
  constexpr std::int64_t B = 2, H = 3, T = 70, D = 8;
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    if (!has_block_attention(at::empty({0}, type))) continue;
    const at::Tensor whole = leaf({B, T, 3 * H * D}, 1, type);
    const auto parts = [&] {
      std::vector<at::Tensor> result = whole.view({B, T, 3, H, D}).unbind(2);
      for (at::Tensor& part : result) part = part.transpose(1, 2);
      return result;
    };
    const VisibleKeys visible = causal({.T = T, .S = T});
    const auto views = parts();
    const at::Tensor found = block_attention(views[0], views[1], views[2], {}, visible, {});
    const at::Tensor copied =
        block_attention(views[0].contiguous(), views[1].contiguous(), views[2].contiguous(), {}, visible, {});
    EXPECT_TRUE(at::equal(found, copied));
    const at::Tensor upstream = at::randn(found.sizes()).to(type);
    EXPECT_TRUE(at::equal(torch::autograd::grad({found}, {whole}, {upstream})[0],
                          torch::autograd::grad({copied}, {whole}, {upstream})[0]));
    // columns that do not lie side by side
    const at::Tensor turned = views[0].transpose(2, 3).contiguous().transpose(2, 3);
    EXPECT_TRUE(at::equal(block_attention(turned, views[1], views[2], {}, visible, {}), found));
    EXPECT_TRUE(at::equal(block_attention(views[0], views[1], views[2], {}, visible, {}), found));
  }
}

TEST_F(BlockAttention, HidesKeysOfInfiniteTerms) {
  if (!has_float_product()) GTEST_SKIP() << "this LibTorch has no product of float32 matrices";
  at::manual_seed(5);
  const Sizes n{.T = 600, .S = 600};
  at::Tensor hidden = at::zeros({n.B, 1, n.S});
  hidden.narrow(2, 1, 550).fill_(-infinity);  // more than a tile
  const Given one = given(n, causal(n), of_keys({hidden}));
  const at::Tensor found = by_kernel(one), exact = formula(one.in_double());
  EXPECT_LT((found - exact).abs().max().item<double>(), 1e-5);
}

TEST_F(BlockAttention, RefusesShapesThatDoNotFit) {
  const Sizes n;
  const VisibleKeys visible = causal(n);
  const Given one = given(n, visible);
  const auto refuses = [&](KernelTerms terms, const VisibleKeys& ranges) {
    EXPECT_THROW(block_attention(one.q, one.k, one.v, terms, ranges, {}), c10::Error);
    EXPECT_THROW(row_attention(one.q, one.k, one.v, terms, ranges), c10::Error);
  };
  refuses(of_tables({{leaf({3, 5})}}), visible);
  refuses(of_keys({leaf({n.B, n.H, n.S - 1})}), visible);
  refuses(of_relative({leaf({n.B, n.H, n.T, 4}), leaf({n.H, 5, 3})}), visible);
  refuses(of_relative({leaf({n.B, n.H, n.T + 1, 4}), leaf({n.H, 5, 4})}), visible);
  refuses({}, ranges(visible.first, visible.last + 1));
  refuses({}, ranges(visible.last, visible.last));
  refuses({}, ranges(visible.first.narrow(1, 0, 5), visible.last.narrow(1, 0, 5)));
  EXPECT_THROW(block_attention(one.q, one.k.narrow(1, 0, 3), one.v, {}, visible, {}), c10::Error);
  EXPECT_THROW(block_attention(one.q, one.k.to(at::kBFloat16), one.v, {}, visible, {}), c10::Error);
}

/// A row of a batch reads a cache: columns of a greater tensor.
void expect_row_is_formula(at::ScalarType type, std::int64_t length, std::int64_t dim) {
  const Sizes n{.Hk = 2, .T = 1, .S = length, .D = dim, .Dv = 2 * dim};
  const KernelTerms terms{
      1,
      {{leaf({n.H, length})}, {leaf({1, 3}), 2}},
      {leaf({n.B, 1, length}), leaf({1, n.H, length})},
      {{leaf({n.B, n.H, 1, 6}), leaf({n.H, 40, 6}), -3}, {leaf({1, 1, 1, 20}), leaf({1, 2, 20})}}};
  const at::Tensor first = at::tensor({std::int64_t{0}, length / 2}).unsqueeze(1);
  for (const VisibleKeys& visible : {causal(n), ranges(first, at::full_like(first, length))}) {
    Given one = given(n, visible, terms, 0, type);
    const at::Tensor cache = at::randn({n.B, n.Hk, length + 10, dim}).to(type);
    one.k = cache.narrow(2, 0, length);
    const at::Tensor found = row_attention(one.q, one.k, one.v, one.terms, visible);
    const at::Tensor exact = formula(one.in_double());
    EXPECT_EQ(found.scalar_type(), type);
    ASSERT_EQ(found.sizes(), exact.sizes());
    EXPECT_LE((found.to(at::kDouble) - exact).norm().item<double>(),
              (type == at::kFloat ? 1e-5 : 0x1p-8) * exact.norm().item<double>())
        << length << ' ' << dim;
  }
}

TEST_F(RowAttention, IsTheFormula) {
  test::WaysOfBfloat16 ways;
  const at::NoGradGuard no_grad;
  for (const Bfloat16Products way : test::WaysOfBfloat16::all) {
    if (!ways.take(way)) continue;
    at::manual_seed(6);
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      for (const std::int64_t length : {1, 2, 13, 65, 300}) {
        for (const std::int64_t dim : {5, 16, 40, 80}) expect_row_is_formula(type, length, dim);
      }
    }
  }
}

TEST(DropoutRow, DropsItsShareAndKeepsTheMean) {
  for (const double p : {0.1, 0.5, 0.9}) {
    const at::Tensor factors = dropout_rows(7, p, {4, 8, 100, 313}, 0, 100);
    const double n = static_cast<double>(factors.numel()), deviation = std::sqrt(p * (1 - p) / n);
    EXPECT_NEAR(factors.eq(0).to(at::kDouble).mean().item<double>(), p, 5 * deviation);
    EXPECT_NEAR(factors.max().item<double>(), 1 / (1 - p), 1e-6);
  }
  EXPECT_EQ(dropout_rows(7, 1, {1, 1, 10, 100}, 0, 10).abs().max().item<double>(), 0);
}

TEST(DropoutRow, IsKnownByKeyRowAndColumn) {
  const at::Tensor all = dropout_rows(8, 0.4, {2, 3, 5, 200}, 0, 5);
  EXPECT_TRUE(at::equal(dropout_rows(8, 0.4, {2, 3, 5, 200}, 1, 3), all.narrow(2, 1, 3)));
  const at::Tensor part = at::empty({70});
  dropout_row(8, 0.4, (1 * 3 + 2) * 5 + 4, /*begin=*/33, 70, part.mutable_data_ptr<float>());
  EXPECT_TRUE(at::equal(part, all[1][2][4].narrow(0, 33, 70)));
  EXPECT_FALSE(at::equal(dropout_rows(9, 0.4, {2, 3, 5, 200}, 0, 5), all));
}

// Sums over n independent choices have mean 0 and deviation sqrt(n); 5 deviations are far out.
TEST(DropoutRow, ItsChoicesAreIndependent) {
  constexpr std::int64_t rows = 1024, columns = 1024;
  const auto signs = [](std::int64_t key) {
    return dropout_rows(key, 0.5, {1, 1, rows, columns}, 0, rows).ne(0).to(at::kDouble).mul_(2).sub_(1)[0][0];
  };
  const at::Tensor first = signs(10), second = signs(11);
  const double far = 5 * std::sqrt(static_cast<double>(rows * columns));
  EXPECT_LT(std::abs((first * second).sum().item<double>()), far);
  for (const std::int64_t shift : {1, 2, 3, 15, 16, 17, 64, 512}) {
    for (const at::Tensor& moved :
         {first.roll({shift}, {0}), first.roll({shift}, {1}), first.roll({shift, shift}, {0, 1})})
      EXPECT_LT(std::abs((first * moved).sum().item<double>()), far) << shift;
  }
  // no row shifted against another, no column against another: every pair of them, as one product of matrices
  const double far_of_pair = 7 * std::sqrt(static_cast<double>(rows));  // of half a million pairs
  const at::Tensor none = at::eye(rows, at::kDouble).neg_().add_(1);
  for (const std::int64_t shift : {0, 1, 16})
    EXPECT_LT((at::mm(first, first.roll({shift}, {1}).t()) * none).abs().max().item<double>(), far_of_pair);
  EXPECT_LT((at::mm(first.t(), first) * none).abs().max().item<double>(), far_of_pair);
}

}  // namespace
}  // namespace nopos
