#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "built_plugin.h"
#include "embedded.h"

namespace nopos {
namespace {

at::Tensor slopes(std::int64_t heads) {
  const auto alibi = test::make_component<PositionalEncoding>("alibi", {}, {.heads = heads});
  return compose(alibi)->tables().at(0).second;
}

// As fairseq prints them, nine digits.
TEST(Alibi, SlopesAreTheReferences) {
  const std::vector<std::vector<double>> golden = {
      {0.00390625},
      {0.0625, 0.00390625},
      {0.15749013, 0.024803141, 0.25},
      {0.25, 0.0625, 0.015625, 0.00390625},
      {0.32987698, 0.10881882, 0.035896824, 0.011841536, 0.5},
      {0.39685026, 0.15749013, 0.0625, 0.024803141, 0.5, 0.125},
      {0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625},
      {0.62996052, 0.39685026, 0.25, 0.15749013, 0.099212566, 0.0625, 0.039372533, 0.024803141, 0.70710678,
       0.35355339, 0.1767767, 0.088388348},
      {0.70710678, 0.5, 0.35355339, 0.25, 0.1767767, 0.125, 0.088388348, 0.0625, 0.044194174, 0.03125,
       0.022097087, 0.015625, 0.011048543, 0.0078125, 0.0055242717, 0.00390625},
      {0.75785828, 0.57434918,  0.43527528, 0.32987698,  0.25,        0.18946457,  0.14358729,
       0.10881882, 0.082469244, 0.0625,     0.047366143, 0.035896824, 0.027204705, 0.020617311,
       0.015625,   0.011841536, 0.84089642, 0.59460356,  0.42044821,  0.29730178}};
  for (const auto& expected : golden) {
    const at::Tensor found = slopes(static_cast<std::int64_t>(expected.size()));
    ASSERT_EQ(found.numel(), static_cast<std::int64_t>(expected.size()));
    for (std::size_t head = 0; head < expected.size(); ++head) {
      EXPECT_NEAR(found[static_cast<std::int64_t>(head)].item<double>(), expected[head], 1e-8 * 4)
          << expected.size() << " heads, head " << head;
    }
  }
  const at::Tensor of_32 = slopes(32);
  for (int head = 0; head < 32; ++head) {
    EXPECT_FLOAT_EQ(of_32[head].item<float>(), static_cast<float>(std::pow(2, -0.25 * (head + 1))));
  }
}

TEST(Alibi, BiasFallsWithTheDistanceAndHidesWhatComesAfter) {
  const auto alibi = test::make_component<PositionalEncoding>("alibi", {}, {.heads = 4});
  const at::Tensor row = test::weights_of_bias(alibi, 4, 6)[0][3];
  for (int key = 0; key < 4; ++key)
    EXPECT_NEAR(std::log(row[key].item<double>() / row[0].item<double>()), 0.25 * key, 1e-5);
  EXPECT_EQ(row[4].item<float>(), 0);
  EXPECT_EQ(row[5].item<float>(), 0);
}

TEST(Alibi, LooksBothWaysWhereTheModelDoes) {
  const auto alibi = test::make_component<PositionalEncoding>("alibi", {}, {.heads = 4, .causal = false});
  const at::Tensor row = test::weights_of_bias(alibi, 4, 6, /*causal=*/false)[0][3];
  for (int key = 0; key < 6; ++key)
    EXPECT_NEAR(std::log(row[key].item<double>() / row[3].item<double>()), -0.25 * std::abs(key - 3), 1e-5);
}

}  // namespace
}  // namespace nopos
