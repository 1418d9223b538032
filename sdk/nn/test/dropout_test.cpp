#include "nopos/nn/dropout.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <cstdlib>

namespace nopos {
namespace {

at::Tensor drawn(std::uint64_t seed, const at::Tensor& x, double p) {
  at::manual_seed(seed);
  return apply_dropout(x, p, /*training=*/true);
}

TEST(Dropout, KeepsTheMeanAndDropsItsShare) {
  const at::Tensor x = at::ones({100'000});
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
    const at::Tensor y = drawn(1, x.to(type), 0.25);
    EXPECT_EQ(y.scalar_type(), type);
    EXPECT_NEAR(y.to(at::kFloat).mean().item<double>(), 1, 0.01) << type;
    EXPECT_NEAR(y.eq(0).to(at::kFloat).mean().item<double>(), 0.25, 0.01) << type;
  }
}

TEST(Dropout, DrawsNothingWhereNothingIsDropped) {
  const at::Tensor x = at::ones({10});
  at::manual_seed(1);
  const at::Tensor next = at::rand({1});
  at::manual_seed(1);
  EXPECT_TRUE(apply_dropout(x, 0.25, /*training=*/false).is_same(x));
  EXPECT_TRUE(apply_dropout(x, 0, /*training=*/true).is_same(x));
  EXPECT_TRUE(at::equal(at::rand({1}), next));
}

TEST(Dropout, DropsEverythingAtProbabilityOne) {
  const at::Tensor x = at::randn({5000}).requires_grad_();
  const at::Tensor y = apply_dropout(x, 1, /*training=*/true);
  EXPECT_EQ(y.abs().max().item<double>(), 0);
  y.sum().backward();
  EXPECT_EQ(x.grad().abs().max().item<double>(), 0);
}

TEST(Dropout, RepeatsWithTheGeneratorAndOnlyThen) {
  const at::Tensor x = at::ones({3, 7, 1000});
  const at::Tensor first = drawn(5, x, 0.5);
  EXPECT_FALSE(at::equal(apply_dropout(x, 0.5, true), first));
  EXPECT_TRUE(at::equal(drawn(5, x, 0.5), first));
}

TEST(Dropout, DoesNotDependOnThreads) {
  const at::Tensor x = at::randn({1'000'003});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor alone = drawn(5, x, 0.3);
  at::set_num_threads(2);
  const at::Tensor together = drawn(5, x, 0.3);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(alone, together));
}

class DropoutGradients : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { setenv("NOPOS_LEVERS_OFF", GetParam(), 1); }
  void TearDown() override { unsetenv("NOPOS_LEVERS_OFF"); }
};

INSTANTIATE_TEST_SUITE_P(Levers, DropoutGradients, ::testing::Values("", "dropout_keys"));

TEST_P(DropoutGradients, PassWhereTheValuesPassed) {
  const at::Tensor x = at::rand({300, 40}).add_(1).requires_grad_();
  const at::Tensor y = drawn(2, x.t(), 0.4);  // not contiguous
  const at::Tensor weights = at::rand_like(y).requires_grad_();
  const at::Tensor factor = y.detach().ne(0).to(at::kFloat) / 0.6;
  EXPECT_TRUE(at::allclose(y, x.t() * factor));
  const auto grad =
      torch::autograd::grad({(y * weights).sum()}, {x}, {}, std::nullopt, /*create_graph=*/true);
  EXPECT_TRUE(at::allclose(grad[0], (weights * factor).t()));
  grad[0].sum().backward();  // and a second time, for penalties on gradients
  EXPECT_TRUE(at::allclose(weights.grad(), factor));
}

// Each of these sums over n independent choices has mean 0 and deviation sqrt(n); 5 deviations are far out.
TEST(Dropout, ItsChoicesAreIndependent) {
  constexpr std::int64_t n = 1 << 20;
  const auto signs = [](const at::Tensor& y) { return y.ne(0).to(at::kDouble).mul_(2).sub_(1); };
  const at::Tensor x = at::ones({n});
  const at::Tensor first = signs(drawn(1, x, 0.5)), second = signs(apply_dropout(x, 0.5, true));
  const double far = 5 * std::sqrt(static_cast<double>(n));
  EXPECT_LT(std::abs(first.sum().item<double>()), far);
  EXPECT_LT(std::abs((first * second).sum().item<double>()), far);
  // Neighbours, lanes of one step, and the same place of the next block.
  for (const std::int64_t shift : {1, 2, 8, 15, 16, 17, 32, 4096, 4096 + 16, 8192}) {
    EXPECT_LT(std::abs((first * first.roll({shift})).sum().item<double>()), far) << shift;
    EXPECT_LT(std::abs((first * second.roll({shift})).sum().item<double>()), far) << shift;
  }
}

}  // namespace
}  // namespace nopos
