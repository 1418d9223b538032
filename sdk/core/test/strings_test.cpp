#include "nopos/strings.h"

#include <gtest/gtest.h>

namespace nopos {
namespace {

using Names = std::vector<std::string>;

TEST(Strings, JoinPutsTheSeparatorBetweenItemsOnly) {
  EXPECT_EQ(join(Names{}), "");
  EXPECT_EQ(join(Names{"adam"}), "adam");
  EXPECT_EQ(join(Names{"adam", "nag"}), "adam, nag");
  EXPECT_EQ(join(Names{"", "b", ""}, "+"), "+b+");
  EXPECT_EQ(join(std::vector<int>{3, 5}, "x", [](int number) { return std::to_string(number); }), "3x5");
}

TEST(Strings, SplitKeepsEmptyPiecesAndSplitListDoesNot) {
  EXPECT_EQ(split("a,,b", ','), (Names{"a", "", "b"}));
  EXPECT_EQ(split("a,", ','), (Names{"a", ""}));
  EXPECT_EQ(split("", ','), (Names{""}));
  EXPECT_EQ(split("a:b", ','), (Names{"a:b"}));
  EXPECT_EQ(split_list(":a::b:", ':'), (Names{"a", "b"}));
  EXPECT_EQ(split_list("", ':'), Names{});
}

TEST(Strings, DashesAndUnderscoresAreTwoSpellings) {
  EXPECT_EQ(dashed("max_tokens_valid"), "max-tokens-valid");
  EXPECT_EQ(underscored("max-tokens-valid"), "max_tokens_valid");
}

TEST(Strings, FormattedTextHasAnyLength) {
  EXPECT_EQ(formatted("%5.2f|%s|%d%%", 1.5, "a", 7), " 1.50|a|7%");
  EXPECT_EQ(formatted("%.0f", 1e300).size(), 301u);
  EXPECT_EQ(formatted("%s", std::string(1000, 'x').c_str()), std::string(1000, 'x'));
}

}  // namespace
}  // namespace nopos
