#include <gtest/gtest.h>
#include <nopos/testing.h>
#include <nopos/tokenizer.h>

namespace nopos {
namespace {

using Symbols = std::vector<std::string_view>;

TEST(Space, CutsAtUnicodeWhiteSpaceAsTheReferenceDoes) {
  const auto space = testing::make_component<Tokenizer>(NOPOS_PLUGIN_LIBRARY, "space");
  Symbols symbols;
  // U+001C, U+0085 and U+2028 separate words; U+200B and U+FEFF do not
  space->split(
      " a\tb\x1c"
      "c\u0085d\u2028e \u3000 f\u200bg \ufeff ",
      symbols);
  EXPECT_EQ(symbols, (Symbols{"a", "b", "c", "d", "e", "f\u200bg", "\ufeff"}));
  std::string text;
  space->join(symbols, text);
  EXPECT_EQ(text, "a b c d e f\u200bg \ufeff");
  EXPECT_EQ(space->vocabulary(), 0u);
}

}  // namespace
}  // namespace nopos
