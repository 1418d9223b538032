#include <gtest/gtest.h>

#include "built_plugin.h"
#include "nopos/positional_encoding.h"

namespace nopos {
namespace {

TEST(None, AddsNothingAndKeepsNothing) {
  const auto none = test::make_component<PositionalEncoding>("none");
  const PositionContext context{.tokens = at::full({1, 3}, 5, at::kLong)};
  EXPECT_FALSE(none->embed(context).defined());
  EXPECT_TRUE(none->bias(0).empty());
  EXPECT_FALSE(none->traits().max_length.has_value());
  EXPECT_TRUE(none->parameters().empty());
  EXPECT_TRUE(none->buffers().empty());
}

}  // namespace
}  // namespace nopos
