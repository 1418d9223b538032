// gpt2_bpe on texts whose ids others have recorded.
#include <gtest/gtest.h>
#include <nopos/text.h>
#include <nopos/tokenizer.h>

#include <sstream>

#include "built_plugin.h"
#include "command.h"
#include "shared_data.h"

namespace nopos::test {
namespace {

struct RecordedIds : ::testing::Test {
  void SetUp() override {
    if (!std::filesystem::exists(shared_data())) GTEST_SKIP() << "the folder of reference data is not there";
    tokenizer = make_component<Tokenizer>("gpt2_bpe");
  }
  std::vector<std::uint32_t> encoded(const std::string& text) {
    std::vector<std::uint32_t> ids;
    tokenizer->encode(text, ids);
    return ids;
  }
  std::shared_ptr<Tokenizer> tokenizer;
};

TEST_F(RecordedIds, LlamaCppsVectors) {
  const auto folder = shared_data() / "gpt2_bpe";
  std::string texts = read_file(folder / "llamacpp-gpt-2.inp");
  std::istringstream lines(read_file(folder / "llamacpp-gpt-2.out"));
  const std::string separator = "\n__ggml_vocab_test__\n";
  int compared = 0;
  for (std::size_t end = 0; end != texts.npos; ++compared) {
    end = texts.find(separator);
    std::string line;
    std::getline(lines, line);  // the last text is empty and has no line
    std::istringstream numbers(line);
    const std::vector<std::uint32_t> expected{std::istream_iterator<std::uint32_t>(numbers), {}};
    EXPECT_EQ(encoded(texts.substr(0, end)), expected) << texts.substr(0, end);
    if (end != texts.npos) texts.erase(0, end + separator.size());
  }
  EXPECT_EQ(compared, 47);
}

TEST_F(RecordedIds, TinyShakespeare) {
  EXPECT_EQ(encoded(read_file(shared_data() / "tinyshakespeare/input.txt")).size(), 338'025u);
}

TEST_F(RecordedIds, CharactersAsTheReferencesCharacterModelHasThem) {
  const auto character = make_component<Tokenizer>("character");
  std::istringstream lines(read_file(shared_data() / "checkpoints/nopos-ref-char/valid.txt"));
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string_view> recorded, found;
    std::string text;
    text::for_each_word(line, [&](std::string_view word) { recorded.push_back(word); });
    character->join(recorded, text);
    character->split(text, found);
    ASSERT_EQ(found, recorded);
    ASSERT_EQ(text.find("\u2581"), text.npos);
  }
}

}  // namespace
}  // namespace nopos::test
