#include <gtest/gtest.h>
#include <nopos/error.h>
#include <nopos/testing.h>
#include <nopos/tokenizer.h>

namespace nopos {
namespace {

TEST(Byte, NumbersAreTheBytesAndComeBack) {
  const auto byte = testing::make_component<Tokenizer>(NOPOS_PLUGIN_LIBRARY, "byte");
  EXPECT_EQ(byte->vocabulary(), 256u);
  std::string every;
  for (int value = 255; value >= 0; --value) every += static_cast<char>(value);
  std::vector<std::uint32_t> ids;
  byte->encode(every, ids);
  ASSERT_EQ(ids.size(), 256u);
  for (std::uint32_t i = 0; i < 256; ++i) EXPECT_EQ(ids[i], 255 - i);
  std::vector<std::string_view> symbols;
  byte->split(every, symbols);
  ASSERT_EQ(symbols.size(), 256u);
  EXPECT_EQ(symbols[0], "255");
  std::string text;
  byte->join(symbols, text);
  EXPECT_EQ(text, every);
}

TEST(Byte, RefusesWhatIsNoByte) {
  const auto byte = testing::make_component<Tokenizer>(NOPOS_PLUGIN_LIBRARY, "byte");
  for (const char* wrong : {"256", "-1", "1x", "", "x", "99999999999"}) {
    std::string text;
    try {
      byte->join({wrong}, text);
      ADD_FAILURE() << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::data);
      EXPECT_EQ(error.what(), "'" + std::string(wrong) +
                                  "' is not a token of this tokenizer: expected a number from 0 to 255");
    }
  }
}

}  // namespace
}  // namespace nopos
