#include "nopos/nn/linear.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "quantization_grid.h"

namespace nopos {
namespace {

TEST(DroppedBlocks, AreZeroInRunsAndTheRestIsScaled) {
  const at::Tensor weight = at::randn({6, 16}).requires_grad_();
  at::manual_seed(3);
  const at::Tensor dropped = at::zeros({16 / 4 * 6}).bernoulli_(0.3).repeat_interleave(4).view({6, 16});
  const at::Tensor expected = weight.detach().masked_fill(dropped.to(at::kBool), 0) / (1 - 0.3);
  const at::Tensor before = weight.detach().clone();
  const auto noise = dropped_blocks(0.3, 4);
  at::manual_seed(3);
  const at::Tensor noisy = noise->weight(weight, /*training=*/true);
  EXPECT_TRUE(at::allclose(noisy, expected));
  EXPECT_TRUE(at::equal(weight, before));  // fairseq overwrites it, and so loses blocks for good
  const at::Tensor factor = at::randn({6, 16});
  (noisy * factor).sum().backward();
  EXPECT_TRUE(at::equal(weight.grad(), factor));
  EXPECT_TRUE(noise->weight(weight, /*training=*/false).is_same(weight));
}

double squared_error(const QuantizationGrid& grid, const at::Tensor& values) {
  return (grid.rounded(values) - values).square().sum().item<double>();
}

QuantizationGrid full_range(const at::Tensor& values) {
  const double low = values.min().item<double>(), high = values.max().item<double>();
  const double scale = (high - low) / 255;
  return {scale, std::nearbyint(-low / scale)};
}

TEST(QuantizationGrid, SpansEvenlySpreadValuesWhole) {
  const at::Tensor values = at::linspace(-1, 3, 4097);
  const QuantizationGrid grid = quantization_grid(values);
  EXPECT_NEAR(grid.scale, 4.0 / 255, 0.01 * 4 / 255);
  EXPECT_NEAR(grid.lowest(), -1, 0.03);
  EXPECT_EQ(grid.zero_point, std::floor(grid.zero_point));
  EXPECT_LE(std::get<0>(at::_unique(grid.rounded(values))).numel(), 256);
  EXPECT_EQ(grid.rounded(at::zeros({1})).item<float>(), 0);
  EXPECT_LT(squared_error(grid, values), 1.1 * squared_error(full_range(values), values));
}

TEST(QuantizationGrid, GivesUpOutliersWhereThatLowersTheError) {
  at::manual_seed(1);
  at::Tensor values = at::randn({100000});
  values[0] = 6;
  const QuantizationGrid grid = quantization_grid(values);
  EXPECT_LT(grid.highest(), 5.5);
  EXPECT_LT(squared_error(grid, values), squared_error(full_range(values), values));
}

TEST(QuantizationGrid, TakesValuesOfOneSortAndNone) {
  EXPECT_EQ(quantization_grid(at::empty({0})).rounded(at::empty({0})).numel(), 0);
  EXPECT_NEAR(quantization_grid(at::full({5}, 2.0)).rounded(at::full({1}, 2.0)).item<double>(), 2, 1e-6);
  EXPECT_EQ(quantization_grid(at::zeros({5})).rounded(at::zeros({1})).item<double>(), 0);
  EXPECT_NEAR(quantization_grid(at::full({5}, -2.0)).rounded(at::full({1}, -2.0)).item<double>(), -2, 1e-6);
}

TEST(RoundedWeights, RoundTheirShareInTrainingAndAllInEvaluation) {
  at::manual_seed(2);
  const at::Tensor weight = at::randn({100, 100}).requires_grad_();
  const QuantizationGrid grid = quantization_grid(weight.detach());
  const auto noise = rounded_weights(0.25);
  const at::Tensor noisy = noise->weight(weight, /*training=*/true);
  const at::Tensor clamped = weight.detach().clamp(grid.lowest(), grid.highest());
  const double kept = noisy.eq(clamped).to(at::kFloat).mean().item<double>();
  EXPECT_NEAR(kept, 0.75, 0.02);
  noisy.sum().backward();
  const at::Tensor inside = weight.ge(grid.lowest()).logical_and(weight.le(grid.highest())).to(at::kFloat);
  EXPECT_TRUE(at::equal(weight.grad(), inside));
  EXPECT_TRUE(
      at::allclose(noise->weight(weight, /*training=*/false), grid.rounded(weight.detach()), 0, 1e-6));
}

TEST(RoundedWeights, FollowTheWeightsOnlyAfterAThousandForwards) {
  const at::NoGradGuard no_grad;
  const auto noise = rounded_weights(1);
  const at::Tensor weight = at::linspace(-1, 1, 64).view({8, 8});
  for (int i = 0; i < 1000; ++i) {
    const at::Tensor grown = noise->weight(i == 0 ? weight : weight * 3, /*training=*/true);
    ASSERT_LE(grown.max().item<double>(), 1.05) << i;
  }
  EXPECT_GT(noise->weight(weight * 3, /*training=*/true).max().item<double>(), 2.9);
}

TEST(NoisyWeight, ComputesWithTheNoise) {
  at::manual_seed(1);
  Linear map(8, 4);
  map.add_noise(rounded_weights(1));
  const at::Tensor x = at::randn({3, 8});
  const QuantizationGrid grid = quantization_grid(map.weight().detach());
  const at::Tensor y = at::linear(x, grid.rounded(map.weight().detach()), map.bias());
  const QuantizationGrid of_output = quantization_grid(y);
  EXPECT_TRUE(at::allclose(map.forward(x), y.clamp(of_output.lowest(), of_output.highest()), 1e-4, 1e-4));
  map.eval();
  EXPECT_TRUE(at::allclose(map.forward(x), of_output.rounded(y), 1e-4, 1e-4));
}

}  // namespace
}  // namespace nopos
