#include "nopos/printable.h"

#include <gtest/gtest.h>

namespace nopos {
namespace {

TEST(Printable, LeavesTextAlone) {
  for (const char* text :
       {"", "decoder.embed_tokens.weight", "Größe ü\\n", "日本語", "\U0001f600", "e\u0301"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, EscapesWhatATerminalActsOn) {
  EXPECT_EQ(printable("\x1b[31mred\x1b[0m"), "\\x1b[31mred\\x1b[0m");
  EXPECT_EQ(printable("a\r\n\tb\a\x7f"), "a\\r\\n\\tb\\x07\\x7f");
  EXPECT_EQ(printable(std::string_view("\0x", 2)), "\\x00x");
  EXPECT_EQ(printable("\u009b31m"), "\\x9b31m");  // CSI in one character
  EXPECT_EQ(printable("\u202egpj.exe\u2066"), "\\u202egpj.exe\\u2066");
  EXPECT_EQ(printable("a\u2028b\ufeff"), "a\\u2028b\\ufeff");
}

TEST(Printable, NamesEachByteThatIsNotUtf8) {
  EXPECT_EQ(printable("train-\xff.txt"), "train-\\xff.txt");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xed\xb3\xbf"), "\\xed\\xb3\\xbf");  // a surrogate
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");           // '/' in two bytes
}

TEST(Printable, IsCutAtCharacters) {
  EXPECT_EQ(printable("ääää", 4), "ääää");
  EXPECT_EQ(printable("ääää", 3), "äää...");
  EXPECT_EQ(printable("\x1b\x1b\x1b", 2), "\\x1b\\x1b...");
}

TEST(Printable, MessagesKeepTheirLines) {
  EXPECT_EQ(printable_lines("unknown\n\tsee --help\x1b\r\n"), "unknown\n\tsee --help\\x1b\\r\n");
}

TEST(WellFormed, ChangesOnlyWhatIsNotUtf8) {
  EXPECT_EQ(well_formed("\x1b\n\u202e"), "\x1b\n\u202e");
  EXPECT_EQ(well_formed("data/\xe4\xf6.txt"), "data/\\xe4\\xf6.txt");
}

}  // namespace
}  // namespace nopos
