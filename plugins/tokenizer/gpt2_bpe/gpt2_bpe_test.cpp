// cases.json holds texts and the ids that tiktoken 0.14.0 gives them with the same two files.
#include <gtest/gtest.h>
#include <nopos/error.h>
#include <nopos/testing.h>
#include <nopos/tokenizer.h>

#include <climits>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <thread>

#include "command.h"

namespace nopos {
namespace {

using test::read_file;
using test::write_file;
using Ids = std::vector<std::uint32_t>;

const std::filesystem::path folder = std::filesystem::path(NOPOS_SOURCE_DIR) / "plugins/tokenizer/gpt2_bpe";

std::shared_ptr<Tokenizer> make(const Settings& settings = {}) {
  return testing::make_component<Tokenizer>(NOPOS_PLUGIN_LIBRARY, "gpt2_bpe", settings);
}

Ids encoded(const Tokenizer& tokenizer, std::string_view text) {
  Ids ids;
  tokenizer.encode(text, ids);
  return ids;
}

std::string there_and_back(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::string_view> symbols;
  std::string back;
  tokenizer.split(text, symbols);
  tokenizer.join(symbols, back);
  return back;
}

struct Gpt2Bpe : ::testing::Test {
  static const Tokenizer& tokenizer() {
    static const auto made = make();
    return *made;
  }
};

TEST_F(Gpt2Bpe, GivesTiktokensIds) {
  EXPECT_EQ(tokenizer().vocabulary(), 50257u);
  for (const auto& one : nlohmann::json::parse(read_file(folder / "cases.json"))) {
    const auto text = one[0].get<std::string>();
    for (int time = 0; time < 2; ++time)  // the second time from the cache
      EXPECT_EQ(encoded(tokenizer(), text), one[1].get<Ids>()) << text;
    EXPECT_EQ(there_and_back(tokenizer(), text), text);
  }
}

// The same merges by the shortest program that can be written: no tables, no cache.
Ids merged_plainly(const std::map<std::string, int>& ranks, const nlohmann::json& encoder,
                   const std::string& word) {
  std::vector<std::string> parts;
  for (const char letter : word) parts.emplace_back(1, letter);
  while (true) {
    std::pair<int, std::size_t> best{INT_MAX, 0};
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = ranks.find(parts[i] + " " + parts[i + 1]);
      if (found != ranks.end()) best = std::min(best, {found->second, i});
    }
    const auto [rank, place] = best;
    if (rank == INT_MAX) break;
    parts[place] += parts[place + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
  Ids ids;
  for (const std::string& part : parts) ids.push_back(encoder.at(part));
  return ids;
}

TEST_F(Gpt2Bpe, LongAndShortWordsMergeAlike) {
  const auto encoder = nlohmann::json::parse(read_file(folder / "data/encoder.json"));
  std::map<std::string, int> ranks;
  std::istringstream lines(read_file(folder / "data/vocab.bpe"));
  for (std::string line; std::getline(lines, line);) ranks.emplace(line, ranks.size());
  std::mt19937 random(3);
  for (const std::size_t size : {1, 2, 5, 14, 15, 16, 17, 63, 64, 65, 66, 200}) {
    for (const std::string_view letters : {"eantsr", "ab", "etaoinshrdlu"}) {
      std::string word;
      while (word.size() < size) word += letters[random() % letters.size()];
      EXPECT_EQ(encoded(tokenizer(), word), merged_plainly(ranks, encoder, word)) << word;
    }
  }
}

std::string random_bytes(std::mt19937& random) {
  constexpr std::string_view likely = "ab 'st19\n\xc3\xa9\xe3\x80\x82\xf0\x9f";
  std::string text;
  for (unsigned i = random() % 300; i > 0; --i) {
    text += random() % 4 == 0 ? static_cast<char>(random()) : likely[random() % likely.size()];
  }
  return text;
}

TEST_F(Gpt2Bpe, BringsEverySequenceOfBytesBack) {
  std::mt19937 random(5);
  for (int round = 0; round < 5000; ++round) {
    const std::string text = random_bytes(random);
    ASSERT_EQ(there_and_back(tokenizer(), text), text);
  }
}

TEST_F(Gpt2Bpe, ThreadsShareOneTokenizer) {
  std::mt19937 random(6);
  std::vector<std::string> texts;
  std::vector<Ids> expected;
  for (int i = 0; i < 200; ++i)
    expected.push_back(encoded(tokenizer(), texts.emplace_back(random_bytes(random))));
  std::vector<std::vector<Ids>> found(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : found) {
      threads.emplace_back([&] {
        for (const std::string& text : texts) mine.push_back(encoded(tokenizer(), text));
      });
    }
  }
  for (const auto& mine : found) EXPECT_EQ(mine, expected);
}

TEST_F(Gpt2Bpe, RefusesIdsThatAreNone) {
  std::string text;
  for (const char* wrong : {"50257", "-1", "the"})
    EXPECT_THROW(tokenizer().join({wrong}, text), Error) << wrong;
  tokenizer().join({"50256"}, text);
  EXPECT_EQ(text, "<|endoftext|>");
}

/// A small pair of files, sound but for what a test changes.
struct Gpt2BpeFiles : ::testing::Test {
  void SetUp() override {
    const auto full = nlohmann::json::parse(read_file(folder / "data/encoder.json"));
    for (const auto& [token, id] : full.items()) {
      if (id < 256) encoder[token] = id;
    }
    encoder["ab"] = 256;
    encoder["abc"] = 257;
  }

  std::shared_ptr<Tokenizer> made() {
    if (encoder_text.empty()) encoder_text = encoder.dump();
    write_file(files / "e.json", encoder_text);
    write_file(files / "v.bpe", merges);
    return make({{"gpt2-encoder-json", files / "e.json"}, {"gpt2-vocab-bpe", files / "v.bpe"}});
  }

  void expect_refusal(const std::string& reason) {
    try {
      made();
      ADD_FAILURE() << "nothing was wrong; expected: " << reason;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::data);
      EXPECT_EQ(std::string(error.what()), files / reason);  // the sentence begins with the file's name
    }
  }

  test::TemporaryFolder files;
  nlohmann::json encoder;
  std::string encoder_text, merges = "#version: 0.2\na b\nab c\n";
};

TEST_F(Gpt2BpeFiles, OfTheUsersOwnAreRead) {
  EXPECT_EQ(encoded(*made(), "abcab"), (Ids{257, 256}));
  EXPECT_EQ(made()->vocabulary(), 258u);
  merges = "a b\nab c";  // without the version, and without an end of the last line
  EXPECT_EQ(encoded(*made(), "abcab"), (Ids{257, 256}));
}

TEST_F(Gpt2BpeFiles, AreNamedWhereTheyAreDamaged) {
  encoder_text = R"({"a": 1)";
  expect_refusal(
      "e.json, byte 8: parse error at line 1, column 8: syntax error while parsing object - unexpected end "
      "of "
      "input; expected '}'.");
  encoder_text = "[1]";
  expect_refusal("e.json: found a list but an object of tokens and ids was expected.");
  encoder_text = R"({"a": -1})";
  expect_refusal(
      "e.json: the token 'a' has a negative number for its id; expected an integer of at least 0.");
  encoder_text = R"({"a": {"b": 1}})";
  expect_refusal("e.json: the token 'a' has an object for its id; expected an integer of at least 0.");
  encoder_text = R"({"a": 1, "b": 1})";
  expect_refusal("e.json: the token 'b' has the id 1, which another token has already.");
  encoder_text = R"({"a": 1, "a": 2})";
  expect_refusal("e.json: the token 'a' occurs twice.");
  encoder_text = R"({"a": 1048576})";
  expect_refusal("e.json: the token 'a' has the id 1048576; ids are below 1048576.");
  encoder_text = R"({"a b": 1})";
  expect_refusal(
      "e.json: the token 'a b' has a character that does not encode a byte; expected printable Latin-1 or "
      "U+0100 to U+0143.");
  encoder_text = R"({"a": 1})";
  expect_refusal(
      "e.json: there is no token for the byte 0; a byte-level vocabulary has one for each of the 256 bytes.");
}

TEST_F(Gpt2BpeFiles, AreNamedWithTheLineOfAWrongMerge) {
  for (const char* line : {"ab", "a b c", "a ", " b", "", "a \xff"}) {
    merges = std::string("#version: 0.2\na b\n") + line + "\nab c\n";
    expect_refusal("v.bpe, line 3: found '" + std::string(line) +
                   "', expected two tokens with one space between them.");
  }
  merges = "a b\nab d\n";
  expect_refusal(
      "v.bpe, line 2: 'abd' is not a token of the encoder; the two files do not match, or one is damaged.");
  merges = "a b\nab c\na b\n";
  expect_refusal("v.bpe, line 3: 'a b' is merged twice.");
}

TEST_F(Gpt2BpeFiles, BelongTogether) {
  try {
    make({{"gpt2-vocab-bpe", files / "v.bpe"}});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::configuration);
    EXPECT_NE(std::string(error.what()).find("belong together"), std::string::npos);
  }
}

}  // namespace
}  // namespace nopos
