// Golden values: behavioural specification, "Dictionary and preprocessing".
#include "nopos/dictionary.h"

#include "binarizer.h"
#include "data_fixture.h"

namespace nopos {
namespace {

using test::error_of;
using test::TemporaryFolder;

const std::string all_separators =
    "b a\u00a0c b\n\nb\rx\r\n<unk> zz <unk>\u2028q </s> <pad>\nlast no newline \u00e9 e";

std::string symbols(const Dictionary& dictionary) {
  std::string text;
  for (std::int64_t id = 0; id < dictionary.size(); ++id) {
    if (id > 0) text += ' ';
    text += dictionary.symbol(id);
  }
  return text;
}

Dictionary counted(const std::string& text, std::int64_t threshold = 0, std::int64_t max_size = -1,
                   std::int64_t padding_factor = 8) {
  const TemporaryFolder folder;
  test::write_file(folder / "text", text);
  Dictionary dictionary = count_words(folder / "text", 2);
  dictionary.finalize(threshold, max_size, padding_factor);
  return dictionary;
}

Dictionary loaded(const std::string& lines) {
  const TemporaryFolder folder;
  test::write_file(folder / "dict.txt", lines);
  return Dictionary::load(folder / "dict.txt");
}

TEST(Dictionary, CountsWordsBetweenAllKindsOfSeparators) {
  const Dictionary dictionary = counted(all_separators);
  EXPECT_EQ(symbols(dictionary), "<s> <pad> </s> <unk> b a c e last newline no q x zz \u00e9 madeupword0000");
  EXPECT_EQ(dictionary.count(Dictionary::bos), 1);
  EXPECT_EQ(dictionary.count(Dictionary::pad), 2);
  EXPECT_EQ(dictionary.count(Dictionary::eos), 8);
  EXPECT_EQ(dictionary.count(Dictionary::unk), 3);
  EXPECT_EQ(dictionary.count(4), 3);
}

TEST(Dictionary, EveryWhiteSpaceCharacterSeparatesAndItsNeighboursDoNot) {
  const std::vector<std::string> separators{
      "\t",     "\v",     "\f",     "\x1c",   "\x1d",   "\x1e",   "\x1f",   " ",      "\u0085", "\u00a0",
      "\u1680", "\u2000", "\u2005", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
  for (const std::string& separator : separators) {
    EXPECT_EQ(counted("p" + separator + "q", 0, -1, 1).size(), 6) << separator;
  }
  const std::vector<std::string> letters{"\x1b",   "\x21",   "\u0084", "\u0086", "\u00a1",
                                         "\u1681", "\u200b", "\u202e", "\u2027", "\u2060",
                                         "\u205e", "\u3001", "\ufeff", "\u180e"};
  for (const std::string& letter : letters) {
    EXPECT_EQ(counted("p" + letter + "q", 0, -1, 1).size(), 5) << letter;
  }
}

TEST(Dictionary, DropsRareWordsAndPads) {
  struct Case {
    std::int64_t threshold, max_size, padding_factor;
    std::string words;
  };
  const std::vector<Case> cases{{0, 8, 8, "b a c e"},
                                {2, -1, 8, "b madeupword0000 madeupword0001 madeupword0002"},
                                {2, -1, 1, "b"},
                                {0, 3, 1, ""}};
  for (const Case& c : cases) {
    EXPECT_EQ(symbols(counted(all_separators, c.threshold, c.max_size, c.padding_factor)),
              "<s> <pad> </s> <unk>" + (c.words.empty() ? "" : " " + c.words));
  }
  EXPECT_EQ(symbols(counted("")),
            "<s> <pad> </s> <unk> madeupword0000 madeupword0001 madeupword0002 "
            "madeupword0003");
  // a word of that name already there takes the number, and padding goes on with the next
  EXPECT_EQ(symbols(counted("madeupword0001 b b")),
            "<s> <pad> </s> <unk> b madeupword0001 madeupword0000 "
            "madeupword0002");
}

TEST(Dictionary, WritesWhatTheReferenceWrites) {
  const TemporaryFolder folder;
  counted("b c b\na b").save(folder / "dict.txt");
  EXPECT_EQ(test::read_file(folder / "dict.txt"), "b 3\na 1\nc 1\nmadeupword0000 0\n");
  const Dictionary again = Dictionary::load(folder / "dict.txt");
  EXPECT_EQ(again.size(), 8);
  EXPECT_EQ(again.index("c"), 6);
  EXPECT_EQ(again.count(4), 3);
}

TEST(Dictionary, EncodesSpecialSymbolsAsThemselves) {
  const Dictionary dictionary = counted(all_separators);
  std::vector<std::int64_t> ids;
  for (const char* word : {"b", "qq", "<unk>", "</s>", "<s>"}) ids.push_back(dictionary.index(word));
  ids.push_back(Dictionary::eos);
  EXPECT_EQ(ids, (std::vector<std::int64_t>{4, 3, 3, 2, 0, 2}));
}

TEST(Dictionary, OverwritingALineAppendsAnEntry) {
  const Dictionary dictionary = loaded("w 3\nv 2\nw 5 #fairseq:overwrite\n<unk> 7 #fairseq:overwrite\n");
  EXPECT_EQ(dictionary.size(), 8);
  EXPECT_EQ(dictionary.index("w"), 6);
  EXPECT_EQ(dictionary.symbol(4), "w");
  EXPECT_EQ(dictionary.count(6), 5);
  EXPECT_EQ(dictionary.index("<unk>"), 7);
  EXPECT_EQ(dictionary.index("not there"), Dictionary::unk);
}

TEST(Dictionary, SymbolsMayHoldSpacesAndLinesMayEndInWhiteSpace) {
  const Dictionary dictionary = loaded("new york 12 \t\r\n\u2581the +5\u00a0\n");
  EXPECT_EQ(dictionary.index("new york"), 4);
  EXPECT_EQ(dictionary.count(4), 12);
  EXPECT_EQ(dictionary.count(5), 5);
}

TEST(Dictionary, DamagedFilesAreErrorsThatNameTheLine) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"a 1\nb 1\na 2\n", "line 3: duplicate word 'a'"},
      {"<unk> 2\n", "line 1: duplicate word '<unk>'"},
      {"a 1\nb\n",
       "line 2: incorrect dictionary format: expected \"<symbol> <count>\" with an integer count, "
       "found \"b\"."},
      {"a 1\nb 1.5\n", "line 2: incorrect dictionary format"},
      {"a 1\n\nb 1\n", "line 2: incorrect dictionary format"},
      {"a #fairseq:overwrite\n", "line 1: incorrect dictionary format"},
      {"a 99999999999999999999\n", "line 1: incorrect dictionary format"},
      {"a 1\n\xff\xfe 2\n", "line 2: the line is not UTF-8"},
  };
  for (const auto& [text, message] : cases) {
    const std::string error = error_of([&text = text] { loaded(text); });
    EXPECT_NE(error.find("dict.txt, " + message), std::string::npos) << error;
    EXPECT_EQ(error.substr(0, 3), "8: ");
  }
  const std::string missing = error_of([] { Dictionary::load("no/such/dict.txt"); });
  EXPECT_EQ(missing, "8: cannot open no/such/dict.txt: No such file or directory.");
}

TEST(Dictionary, TruncatedKeepsTheFirstEntries) {
  const Dictionary head = counted("b b a c").truncated(5);
  EXPECT_EQ(symbols(head), "<s> <pad> </s> <unk> b");
  EXPECT_EQ(head.index("a"), Dictionary::unk);
}

}  // namespace
}  // namespace nopos
