#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "built_plugin.h"
#include "embedded.h"
#include "nopos/error.h"

namespace nopos {
namespace {

std::shared_ptr<PositionalEncoding> learned(std::int64_t max_positions, std::int64_t dim = 64) {
  at::manual_seed(1);
  return test::make_component<PositionalEncoding>("learned", {},
                                                  {.embed_dim = dim, .max_positions = max_positions});
}

TEST(Learned, HasARowPerPositionAfterThePaddingRow) {
  const auto encoding = learned(32);
  const at::Tensor weight = encoding->named_parameters()["weight"];
  EXPECT_EQ(weight.sizes(), (at::IntArrayRef{34, 64}));
  EXPECT_TRUE(at::equal(weight[1], at::zeros({64})));
  EXPECT_NEAR(weight.std().item<double>(), 1.0 / 8, 0.01);
  EXPECT_TRUE(at::equal(test::embedded(encoding, 64, {7, 7})[0], weight.narrow(0, 2, 2)));
}

TEST(Learned, PaddingGetsAndTrainsNothing) {
  const auto encoding = learned(8);
  const at::Tensor added = test::embedded(encoding, 64, {7, 1, 7});
  EXPECT_TRUE(at::equal(added[0][1], at::zeros({64})));
  added.sum().backward();
  const at::Tensor used = encoding->named_parameters()["weight"].grad().sum(1);
  const std::vector<double> expected{0, 0, 64, 64, 0, 0, 0, 0, 0, 0};
  EXPECT_TRUE(at::equal(used, at::tensor(expected, at::kFloat)));
}

TEST(Learned, EndsWithItsTable) {
  const auto encoding = learned(4);
  EXPECT_EQ(compose(encoding)->max_length(), 4);
  EXPECT_NO_THROW(test::embedded(encoding, 64, {5, 5}, /*past=*/2));
  EXPECT_THROW(test::embedded(encoding, 64, {5, 5}, /*past=*/3), Error);
  EXPECT_NO_THROW(test::embedded(encoding, 64, {1, 1, 5, 5, 5, 5}));  // padding takes no place
}

}  // namespace
}  // namespace nopos
