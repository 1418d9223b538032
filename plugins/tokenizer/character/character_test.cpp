#include <gtest/gtest.h>
#include <nopos/error.h>
#include <nopos/testing.h>
#include <nopos/tokenizer.h>

#include <random>

namespace nopos {
namespace {

using Symbols = std::vector<std::string_view>;

struct CharacterTokenizer : ::testing::Test {
  std::shared_ptr<Tokenizer> character =
      testing::make_component<Tokenizer>(NOPOS_PLUGIN_LIBRARY, "character");
};

TEST_F(CharacterTokenizer, OneSymbolACharacter) {
  Symbols symbols;
  character->split("Go, né\t\u2581\u3000\xff\x7f\U0001f600", symbols);
  EXPECT_EQ(symbols, (Symbols{"G", "o", ",", "\u2581", "n", "é", "<U+0009>", "<U+2581>", "<U+3000>", "<0xFF>",
                              "\x7f", "\U0001f600"}));
}

TEST_F(CharacterTokenizer, EveryTextComesBackAndNoSymbolHoldsWhiteSpace) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text, back;
    // bytes that begin and go on with characters, white space among them
    constexpr std::string_view alphabet = "a <>U+x0\t\r\xc2\x85\xe2\x80\x81\x9f\xe3\xf0\x90\xff";
    for (unsigned i = random() % 40; i > 0; --i) text += alphabet[random() % alphabet.size()];
    Symbols symbols, words;
    character->split(text, symbols);
    character->join(symbols, back);
    ASSERT_EQ(back, text);
    for (const std::string_view symbol : symbols) ASSERT_EQ(symbol.find_first_of(" \t\r"), symbol.npos);
  }
}

TEST_F(CharacterTokenizer, RefusesWhatIsNoCharacter) {
  for (const char* wrong : {"ab", "<U+0009", "<U+FFFFFFFF>", "<0x100>", "<U+>", "\xff"}) {
    std::string text;
    try {
      character->join({wrong}, text);
      ADD_FAILURE() << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::data);
      EXPECT_NE(std::string(error.what()).find("expected one character, <U+0009> or <0xFF>"),
                std::string::npos);
    }
  }
}

}  // namespace
}  // namespace nopos
