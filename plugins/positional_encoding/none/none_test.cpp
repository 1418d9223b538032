#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "built_plugin.h"
#include "embedded.h"

namespace nopos {
namespace {

TEST(None, AddsNothingAndKeepsNothing) {
  const auto none = test::make_component<PositionalEncoding>("none");
  EXPECT_TRUE(at::equal(test::embedded(none, 4, {5, 5, 5}), at::zeros({1, 3, 4})));
  const at::Tensor row = test::weights_of_bias(none, 2, 4)[1][3];
  EXPECT_TRUE(at::allclose(row, at::full({4}, 0.25)));
  EXPECT_FALSE(compose(none)->max_length().has_value());
  EXPECT_TRUE(none->parameters().empty());
  EXPECT_TRUE(none->buffers().empty());
}

}  // namespace
}  // namespace nopos
