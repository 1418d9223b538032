// A tokenizer that knows its vocabulary writes the whole of it: no text that it can express has an <unk>.
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "command.h"
#include "shared_data.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Words = std::vector<std::string>;

const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";

/// The symbols of a dict.txt and their counts, in order.
std::vector<std::pair<std::string, std::int64_t>> dictionary(const fs::path& file) {
  std::vector<std::pair<std::string, std::int64_t>> entries;
  std::istringstream lines(read_file(file));
  std::string symbol;
  for (std::int64_t count = 0; lines >> symbol >> count;) entries.emplace_back(symbol, count);
  return entries;
}

std::vector<std::string> symbols(const fs::path& file) {
  std::vector<std::string> list;
  for (const auto& [symbol, count] : dictionary(file)) list.push_back(symbol);
  return list;
}

struct WholeVocabulary : ::testing::Test {
  CommandResult preprocess(const Words& more) {
    Words words{host, "preprocess", "--only-source"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words, {.directory = folder.path()});
  }
  void succeed(const Words& more) {
    const CommandResult result = preprocess(more);
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  /// <unk> of every split of a folder.
  std::map<std::string, std::int64_t> unknown(const std::string& bin) {
    const CommandResult result = run({host, "inspect-data", folder / bin, "--json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::map<std::string, std::int64_t> found;
    const json document = json::parse(result.out);
    for (const json& split : document["splits"]) found[split["name"]] = split["unknown"];
    return found;
  }
  void expect_equal_indexes(const std::string& a, const std::string& b) {
    for (const char* file : {"train.bin", "train.idx", "valid.bin", "valid.idx"})
      EXPECT_TRUE(read_file(folder / a / file) == read_file(folder / b / file))
          << a << ' ' << b << ' ' << file;
  }

  TemporaryFolder folder;
};

struct InventedText : WholeVocabulary {
  void SetUp() override {
    write_file(folder / "train", "to be or not to be\nthat is the question\n");
    write_file(folder / "valid", "ZOUNDS! 1603 \xe2\x80\x94 na\xc3\xafve\n");
    std::string every_byte;
    for (int byte = 0; byte < 256; ++byte) {
      if (byte != '\n' && byte != '\r') every_byte += static_cast<char>(byte);
    }
    write_file(folder / "new", every_byte + "\n\xe4\xbd\xa0\xe5\xa5\xbd \xff\xfe\n");
  }
  const Words splits{"--trainpref", "train", "--validpref", "valid", "--testpref", "new"};
  Words with_splits(const Words& more) const {
    Words words = splits;
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(InventedText, ByteKnows256SymbolsAndCountsThoseOfTheText) {
  succeed(with_splits({"--tokenizer", "byte", "--destdir", "bin"}));
  const auto entries = dictionary(folder / "bin/dict.txt");
  ASSERT_EQ(entries.size(), 260U);  // with the four special symbols 264: a multiple of 8
  std::array<std::int64_t, 256> counts{};
  for (const char byte : read_file(folder / "train")) {
    if (byte != '\n') ++counts[static_cast<unsigned char>(byte)];
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(entries[byte].first, std::to_string(byte));
    EXPECT_EQ(entries[byte].second, counts[byte]) << byte;
  }
  EXPECT_EQ(entries[256], std::make_pair(std::string("madeupword0000"), std::int64_t{0}));
  EXPECT_EQ(unknown("bin"), (std::map<std::string, std::int64_t>{{"train", 0}, {"valid", 0}, {"test", 0}}));
  EXPECT_EQ(read_file(folder / "bin/train.bin").substr(0, 4),  // "to": bytes behind the special symbols
            std::string({'t' + 4, 0, 'o' + 4, 0}));
}

TEST_F(InventedText, Gpt2KnowsItsSymbolsInTheOrderOfTheSharedDictionary) {
  succeed(with_splits({"--tokenizer", "gpt2_bpe", "--destdir", "bin"}));
  const auto entries = dictionary(folder / "bin/dict.txt");
  ASSERT_EQ(entries.size(), 50260U);
  const Words first{"13", "262", "11", "284", "290", "286", "257", "287"};
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(entries[i].first, first[i]);
  EXPECT_EQ(entries[50256].first, "50256");
  EXPECT_EQ(entries[50259].first, "madeupword0002");
  EXPECT_EQ(entries[1].second, 1);  // " the"
  EXPECT_EQ(unknown("bin"), (std::map<std::string, std::int64_t>{{"train", 0}, {"valid", 0}, {"test", 0}}));

  // the same symbols with other counts, as a dictionary that was there before
  std::string other;
  for (const auto& [symbol, count] : entries) other += symbol + " 7\n";
  write_file(folder / "other.txt", other);
  succeed(with_splits({"--tokenizer", "gpt2_bpe", "--srcdict", "other.txt", "--destdir", "given"}));
  expect_equal_indexes("bin", "given");
  EXPECT_EQ(read_file(folder / "given/dict.txt"), other);
}

TEST_F(InventedText, AThresholdLeavesOutWhatDoesNotOccur) {
  for (const std::string tokenizer : {"byte", "gpt2_bpe"}) {
    succeed(with_splits({"--tokenizer", tokenizer, "--thresholdsrc", "1", "--destdir", "seen_" + tokenizer}));
    std::int64_t before = std::numeric_limits<std::int64_t>::max();
    for (const auto& [symbol, count] : dictionary(folder / ("seen_" + tokenizer + "/dict.txt"))) {
      if (symbol.starts_with("madeupword")) continue;
      EXPECT_GE(count, 1) << symbol;
      EXPECT_LE(count, before) << symbol;
      before = count;
    }
    EXPECT_GT(unknown("seen_" + tokenizer)["valid"], 0);
  }
  succeed(with_splits({"--tokenizer", "byte", "--nwordssrc", "10", "--destdir", "ten"}));
  EXPECT_EQ(symbols(folder / "ten/dict.txt").size(), 12U);  // and four special symbols: a multiple of 8
}

TEST_F(InventedText, AKnownVocabularyNeedsNoTrainingText) {
  succeed({"--trainpref", "train", "--tokenizer", "byte", "--destdir", "a"});
  succeed({"--testpref", "new", "--tokenizer", "byte", "--destdir", "b"});
  succeed({"--dict-only", "--tokenizer", "byte", "--destdir", "c"});
  EXPECT_EQ(symbols(folder / "a/dict.txt"), symbols(folder / "b/dict.txt"));
  EXPECT_EQ(read_file(folder / "b/dict.txt"), read_file(folder / "c/dict.txt"));
  EXPECT_EQ(unknown("b")["test"], 0);
  const CommandResult open = preprocess({"--testpref", "new", "--tokenizer", "character", "--destdir", "d"});
  EXPECT_EQ(open.exit_code, 3);
  EXPECT_NE(open.err.find("a dictionary is needed"), std::string::npos) << open.err;
}

TEST_F(InventedText, BytesThatAreNotUtf8AreTakenWhereSymbolsAreMadeOfThem) {
  write_file(folder / "broken", "caf\xe9 \xff\xc3\n\xe2\x82\n");
  for (const std::string tokenizer : {"byte", "gpt2_bpe", "character"}) {
    for (const std::string workers : {"1", "3"}) {
      succeed({"--trainpref", "broken", "--tokenizer", tokenizer, "--workers", workers, "--destdir",
               tokenizer + workers});
      EXPECT_EQ(unknown(tokenizer + workers)["train"], 0);
    }
    // what `encode` makes of it is what preprocessing reads
    const CommandResult encoded = run({host, "encode", "--tokenizer", tokenizer, folder / "broken"});
    write_file(folder / "encoded", encoded.out);
    write_file(folder / "symbols.txt", read_file(folder / (tokenizer + "1/dict.txt")));  // without its record
    succeed({"--trainpref", "encoded", "--srcdict", "symbols.txt", "--destdir", "two_steps"});
    EXPECT_EQ(read_file(folder / (tokenizer + "1/train.bin")), read_file(folder / "two_steps/train.bin"));
    fs::remove_all(folder / "two_steps");
  }
  for (const Words& words : {Words{}, Words{"--tokenizer", "space"}}) {
    Words command{"--trainpref", "broken", "--destdir", "refused"};
    command.insert(command.end(), words.begin(), words.end());
    const CommandResult refused = preprocess(command);
    EXPECT_EQ(refused.exit_code, 8);
    EXPECT_NE(refused.err.find("broken, byte 3: the text is not UTF-8."), std::string::npos) << refused.err;
    EXPECT_NE(refused.err.find("--tokenizer"), std::string::npos) << refused.err;
  }
}

#ifdef NOPOS_SHARED_TEXTS

struct SharedTexts : WholeVocabulary {
  void SetUp() override {
    if (!fs::exists(shared_data())) GTEST_SKIP() << "the folder of reference data is not there";
    const std::string text = read_file(shared_data() / "tinyshakespeare/input.txt");
    const std::size_t cut = text.rfind('\n', text.size() * 9 / 10) + 1;
    write_file(folder / "train", text.substr(0, cut));
    write_file(folder / "valid", text.substr(cut));
    for (const auto& entry : fs::recursive_directory_iterator(shared_data() / "gutenberg")) {
      if (entry.path().extension() == ".txt") fresh = entry.path();
    }
  }
  fs::path fresh;  // a text of another time and place
};

TEST_F(SharedTexts, TinyShakespeareAndNewTextHaveNoUnknownSymbol) {
  ASSERT_FALSE(fresh.empty());
  for (const std::string tokenizer : {"byte", "gpt2_bpe"}) {
    succeed({"--trainpref", "train", "--validpref", "valid", "--testpref", fresh, "--tokenizer", tokenizer,
             "--destdir", tokenizer});
    EXPECT_EQ(unknown(tokenizer),
              (std::map<std::string, std::int64_t>{{"train", 0}, {"valid", 0}, {"test", 0}}));
  }
}

TEST_F(SharedTexts, TheOrderIsThatOfTheReferencesDictionary) {
  const fs::path reference = shared_data() / "gpt2_bpe/fairseq-gpt2-dict.txt";
  const Words texts{"--trainpref", "train", "--validpref", "valid", "--tokenizer", "gpt2_bpe"};
  Words own = texts, given = texts;
  own.insert(own.end(), {"--destdir", "own"});
  given.insert(given.end(), {"--srcdict", reference, "--destdir", "given"});
  succeed(own);
  succeed(given);
  EXPECT_EQ(symbols(folder / "own/dict.txt"), symbols(reference));
  EXPECT_EQ(read_file(folder / "given/dict.txt"), read_file(reference));
  expect_equal_indexes("own", "given");
}

#endif

}  // namespace
}  // namespace nopos::test
