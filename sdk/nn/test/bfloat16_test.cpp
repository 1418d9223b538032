/// What training in bfloat16 is made of, against float32.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "bfloat16_product.h"
#include "float_runs.h"
#include "nopos/nn/feed_forward.h"
#include "vector_math.h"
#include "ways_of_bfloat16.h"

namespace nopos {
namespace {

TEST(VectorExp, IsWithinTwoUnitsInTheLastPlace) {
  for (float x = -87; x <= 88; x += 0.0137f) {
    const double exact = std::exp(static_cast<double>(x));
    EXPECT_NEAR(vector_exp(x) / exact, 1, 2 * std::numeric_limits<float>::epsilon()) << x;
  }
  EXPECT_EQ(vector_exp(0), 1);
  EXPECT_EQ(vector_exp(-std::numeric_limits<float>::infinity()), 0);
  EXPECT_NEAR(vector_exp(1000) / std::exp(88.0), 1, 1e-6);
}

TEST(Narrow, RoundsAsATenDoes) {
  at::manual_seed(1);
  at::Tensor values = at::randn({1000}) * at::randn({1000}).mul(20).exp();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> special{0.0f,    -0.0f,     1.00390625f, 1.01171875f, 3.3961775e38f,
                                   3.4e38f, -infinity, infinity,    NAN,         1e-37f};  // ties, overflow
  values = at::cat({values, at::tensor(special)});
  const at::Tensor found = at::empty_like(values, values.options().dtype(at::kBFloat16));
  narrow(values.numel(), values.const_data_ptr<float>(), found.mutable_data_ptr<at::BFloat16>());
  EXPECT_TRUE(at::allclose(found, values.to(at::kBFloat16), 0, 0, /*equal_nan=*/true));
}

/// Every way that products of bfloat16 go here; `widened`, of a processor without instructions for them, can
/// be had on each.
class Bfloat16Product : public testing::TestWithParam<Bfloat16Products> {
 protected:
  void SetUp() override {
    at::manual_seed(2);
    if (!ways_.take(GetParam())) GTEST_SKIP() << "this processor, or LibTorch's MKL, has no such product";
  }

 private:
  test::WaysOfBfloat16 ways_;
};

INSTANTIATE_TEST_SUITE_P(Ways, Bfloat16Product,
                         testing::Values(Bfloat16Products::mkl, Bfloat16Products::widened));

TEST_P(Bfloat16Product, IsThatOfFloat32) {
  struct Sizes {
    std::int64_t m, k, n;
  };
  for (const auto& [m, k, n] : {Sizes{1, 1, 1},
                                {1, 5, 7},
                                {5, 1, 7},
                                {5, 7, 1},
                                {700, 33, 130},
                                {2, 3, 70000},
                                {3, 2000, 100},
                                {0, 4, 3},
                                {4, 0, 3}}) {
    for (const bool transposed : {false, true}) {
      const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
        const at::Tensor whole =
            at::randn({transposed ? columns : rows, transposed ? rows : columns}).to(at::kBFloat16);
        return transposed ? whole.t() : whole;
      };
      const at::Tensor a = matrix(m, k), b = matrix(k, n), c = matrix(m, k), d = matrix(k, n),
                       bias = at::randn({n}).to(at::kBFloat16);
      const at::Tensor sums = at::zeros({m, n});
      bfloat16_sum_of_products(std::vector<Bfloat16Factors>{{a, b}, {c, d}},
                               [&](std::int64_t first, std::int64_t count, float* rows) {
                                 sums.narrow(0, first, count).copy_(at::from_blob(rows, {count, n}));
                               });
      const at::Tensor exact =
          at::mm(a.to(at::kDouble), b.to(at::kDouble)) + at::mm(c.to(at::kDouble), d.to(at::kDouble));
      EXPECT_TRUE(at::allclose(sums.to(at::kDouble), exact, 1e-5, 1e-4)) << m << ' ' << k << ' ' << n;
      const at::Tensor rounded = bfloat16_product(a, b, bias);
      EXPECT_EQ(rounded.scalar_type(), at::kBFloat16);
      EXPECT_TRUE(at::allclose(rounded.to(at::kDouble), at::mm(a.to(at::kDouble), b.to(at::kDouble)) + bias,
                               4.0e-3, 1e-5))
          << m << ' ' << k << ' ' << n;
    }
  }
}

TEST(FeedForward, InBfloat16HasTheGradientsOfFloat32) {
  test::WaysOfBfloat16 ways;
  for (const Bfloat16Products way : test::WaysOfBfloat16::all) {
    if (!ways.take(way)) continue;
    for (const std::string& name : activation_names()) {
      std::vector<std::vector<at::Tensor>> found;
      for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
        at::manual_seed(3);
        torch::nn::Module layer;
        const FeedForward feed_forward(layer, 24, 80, activation(name), /*dropout=*/0);
        layer.to(at::kBFloat16), layer.to(type);
        const at::Tensor x = at::randn({3, 300, 24}).mul(2).to(at::kBFloat16).to(type).requires_grad_(true);
        const at::Tensor y = feed_forward.forward(x, true);
        y.square().sum().backward();
        found.push_back({y.detach(), x.grad()});
        for (const at::Tensor& parameter : layer.parameters()) found.back().push_back(parameter.grad());
      }
      for (std::size_t i = 0; i < found[0].size(); ++i) {
        const at::Tensor exact = found[0][i], error = found[1][i].to(at::kFloat) - exact;
        EXPECT_EQ(found[1][i].scalar_type(), at::kBFloat16);
        EXPECT_LT(error.norm().item<float>(), 0.02 * exact.norm().item<float>())
            << name << ' ' << static_cast<int>(way) << ' ' << i;
      }
    }
  }
}

}  // namespace
}  // namespace nopos
