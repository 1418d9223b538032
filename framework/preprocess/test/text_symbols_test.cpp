#include "text_symbols.h"

#include <random>

#include "data_fixture.h"
#include "nopos/text.h"

namespace nopos {
namespace {

using Sentence = std::vector<std::string>;

std::vector<Sentence> split(const std::string& text) {
  const std::string readable = text + std::string(Symbols::readable, 'x');
  Symbols symbols;
  WhiteSpaceSplitter().split({readable.data(), text.size()}, symbols);
  std::vector<Sentence> sentences;
  std::size_t word = 0;
  for (const std::uint32_t end : symbols.sentence_ends) {
    sentences.emplace_back();
    for (; word < end; ++word) {
      sentences.back().emplace_back(symbols.text + symbols.begins[word], symbols.text + symbols.ends[word]);
    }
  }
  EXPECT_EQ(word, symbols.begins.size());
  EXPECT_EQ(symbols.begins.size(), symbols.ends.size());
  return sentences;
}

/// Character by character.
std::vector<Sentence> split_slowly(const std::string& text) {
  std::vector<Sentence> sentences;
  text::for_each_line(text, [&](std::string_view line) {
    sentences.emplace_back();
    text::for_each_word(line, [&](std::string_view word) { sentences.back().emplace_back(word); });
  });
  return sentences;
}

TEST(WhiteSpaceSplitter, LinesAndWords) {
  EXPECT_EQ(split(""), std::vector<Sentence>{});
  EXPECT_EQ(split("a"), (std::vector<Sentence>{{"a"}}));
  EXPECT_EQ(split("a b\n"), (std::vector<Sentence>{{"a", "b"}}));
  EXPECT_EQ(split(" a\r\n\r\r\nb\rc"), (std::vector<Sentence>{{"a"}, {}, {}, {"b"}, {"c"}}));
  EXPECT_EQ(split("a\u2028b\u0085c\vd\fe\x1c"
                  "f"),
            (std::vector<Sentence>{{"a", "b", "c", "d", "e", "f"}}));
  EXPECT_EQ(split(std::string("a\0b c", 5)), (std::vector<Sentence>{{std::string("a\0b", 3), "c"}}));
}

// Every length and place relative to the blocks of 64 bytes comes about by chance, with every separator.
TEST(WhiteSpaceSplitter, AgreesWithASlowOneOnRandomText) {
  const std::vector<std::string> pieces{"a",      "bc",     "\u00e9", "\u4e2d", "\U0001f600",
                                        "\u2019", "\u00a1", "\u200b", "\ufeff", "0123456789abcdefghij",
                                        " ",      "  ",     "\t",     "\n",     "\n",
                                        "\r",     "\r\n",   "\v",     "\x1c",   "\u0085",
                                        "\u00a0", "\u1680", "\u2003", "\u2028", "\u202f",
                                        "\u205f", "\u3000"};
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (unsigned left = random() % 200; left > 0; --left) text += pieces[random() % pieces.size()];
    ASSERT_EQ(split(text), split_slowly(text)) << round;
  }
}

TEST(WhiteSpaceSplitter, ASplitterIsReusedForShorterPieces) {
  Symbols symbols;
  const std::string text = "a b c\nd e f\ng" + std::string(Symbols::readable, ' ');
  const WhiteSpaceSplitter splitter;
  splitter.split({text.data(), 13}, symbols);
  EXPECT_EQ(symbols.begins.size(), 7u);
  splitter.split({text.data(), 3}, symbols);
  EXPECT_EQ(symbols.begins, (std::vector<std::uint32_t>{0, 2}));
  EXPECT_EQ(symbols.sentence_ends, std::vector<std::uint32_t>{2});
}

}  // namespace
}  // namespace nopos
