#include <gtest/gtest.h>

#include "built_plugin.h"
#include "embedded.h"

namespace nopos {
namespace {

TEST(None, AddsNothingAndKeepsNothing) {
  const auto none = test::make_component<PositionalEncoding>("none");
  EXPECT_FALSE(test::embedded(*none, {5, 5, 5}).defined());
  EXPECT_TRUE(test::declared(*none).empty());
  EXPECT_FALSE(none->traits().max_length.has_value());
  EXPECT_TRUE(none->parameters().empty());
  EXPECT_TRUE(none->buffers().empty());
}

}  // namespace
}  // namespace nopos
