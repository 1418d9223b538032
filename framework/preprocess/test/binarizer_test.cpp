#include "binarizer.h"

#include <algorithm>
#include <map>
#include <random>

#include "data_fixture.h"

namespace nopos {
namespace {

using test::TemporaryFolder;

/// Words of 1 to 40 bytes, most of them rare, many with the same first bytes; some lines are long, some
/// empty.
std::vector<std::vector<std::string>> random_lines(std::mt19937& random, int lines) {
  std::vector<std::vector<std::string>> text;
  for (int i = 0; i < lines; ++i) {
    auto& line = text.emplace_back();
    for (unsigned left = i % 7 == 3 ? 0 : random() % 60; left > 0; --left) {
      const unsigned number = random() % (1u << (random() % 20));
      static const std::vector<std::string> heads{"",
                                                  "w",
                                                  "commonbe",
                                                  "commonbeginning",
                                                  "commonbeginning_",
                                                  "\u00e9t\u00e9",
                                                  "a-word-that-is-longer-than-its-key-"};
      line.push_back(heads[number % heads.size()] + std::to_string(number));
    }
  }
  return text;
}

std::string joined(const std::vector<std::vector<std::string>>& lines) {
  std::string text;
  for (const auto& line : lines) {
    for (const std::string& word : line) text += word + ' ';
    text += '\n';
  }
  return text;
}

/// What fairseq says, word by word.
struct Oracle {
  std::vector<std::string> words;  // from id 4 on
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> counts;

  Oracle(const std::vector<std::vector<std::string>>& lines, std::int64_t threshold) {
    std::map<std::string, std::int64_t> count;
    for (const auto& line : lines) {
      for (const std::string& word : line) ++count[word];
    }
    for (const auto& [word, n] : count) {
      if (n >= threshold) words.push_back(word);
    }
    std::stable_sort(words.begin(), words.end(),
                     [&](const auto& a, const auto& b) { return count[a] > count[b]; });
    std::map<std::string, std::int64_t> id;
    for (const std::string& word : words) {
      id[word] = 3 + static_cast<std::int64_t>(id.size()) + 1;
      counts.push_back(count[word]);
    }
    for (const auto& line : lines) {
      for (const std::string& word : line) ids.push_back(id.contains(word) ? id[word] : 3);
      ids.push_back(2);
    }
  }
};

std::vector<std::int64_t> ids_of(const std::filesystem::path& prefix) {
  const IndexedDataset dataset(prefix);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    std::vector<std::int64_t> sentence(static_cast<std::size_t>(dataset.num_tokens(i)));
    dataset.read(i, 0, sentence);
    ids.insert(ids.end(), sentence.begin(), sentence.end());
  }
  return ids;
}

class Binarizer : public testing::TestWithParam<int> {};

TEST_P(Binarizer, DictionaryAndIdsAreTheReferencesForAnyNumberOfWorkers) {
  std::mt19937 random(5);
  const auto lines = random_lines(random, 12'000);
  const TemporaryFolder folder;
  test::write_file(folder / "text", joined(lines));
  ASSERT_GT(std::filesystem::file_size(folder / "text"), 2'000'000u);  // many pieces
  for (const std::int64_t threshold : {0, 3}) {
    const Oracle oracle(lines, threshold);
    ASSERT_GT(oracle.words.size(), threshold == 0 ? 65500u : 10000u);  // both number types of the .bin
    IndexedDatasetWriter writer(folder / "d");
    CountedText text(folder / "text", &writer, {.workers = GetParam()});
    const Dictionary dictionary = text.dictionary(threshold, -1, 1);
    const BinarizeResult result = text.write();
    writer.finish();
    ASSERT_EQ(dictionary.size(), static_cast<std::int64_t>(oracle.words.size()) + 4);
    for (std::size_t i = 0; i < oracle.words.size(); ++i) {
      ASSERT_EQ(dictionary.symbol(static_cast<std::int64_t>(i) + 4), oracle.words[i]);
      ASSERT_EQ(dictionary.count(static_cast<std::int64_t>(i) + 4), oracle.counts[i]);
    }
    EXPECT_EQ(dictionary.count(Dictionary::eos), 12'001);
    EXPECT_TRUE(ids_of(folder / "d") == oracle.ids);
    EXPECT_EQ(result.sentences, 12'000);
    EXPECT_EQ(result.tokens, static_cast<std::int64_t>(oracle.ids.size()));
    EXPECT_EQ(result.replaced, std::count(oracle.ids.begin(), oracle.ids.end(), 3));

    // and with the finished dictionary, from a second reading
    const BinarizeResult again = binarize(folder / "text", dictionary, folder / "again", GetParam());
    EXPECT_EQ(again.replaced, result.replaced);
    EXPECT_TRUE(test::read_file(folder / "again.bin") == test::read_file(folder / "d.bin"));
    EXPECT_TRUE(test::read_file(folder / "again.idx") == test::read_file(folder / "d.idx"));
  }
}

INSTANTIATE_TEST_SUITE_P(Workers, Binarizer, testing::Values(1, 2, 7));

TEST(Binarizer, OfSeveralErrorsTheFirstInTheTextIsTold) {
  const TemporaryFolder folder;
  std::string text;
  while (text.size() < 3'000'000) text += "some words in a line\n";
  for (const std::size_t bad : {1'000'000, 1'400'000, 2'000'000}) text[bad] = '\xff';
  test::write_file(folder / "text", text);
  for (int round = 0; round < 10; ++round) {
    const std::string error = test::error_of([&] { count_words(folder / "text", 4); });
    EXPECT_NE(error.find("text, byte 1000000: the text is not UTF-8."), std::string::npos) << error;
  }
}

TEST(Binarizer, ProgressReachesTheEnd) {
  const TemporaryFolder folder;
  test::write_file(folder / "text", joined({1000, {"some", "words"}}));
  std::uint64_t taken = 0, in_all = 1;
  ReadOptions options;
  options.progress = [&](const TextInput& text) {
    taken = text.bytes_taken();
    in_all = text.bytes_in_all();
  };
  CountedText(folder / "text", nullptr, options);
  EXPECT_EQ(taken, in_all);
  EXPECT_EQ(in_all, std::filesystem::file_size(folder / "text"));
}

// Hash functions of tables with linear probing have two ways to fail: by design, and by the words they meet.
TEST(Binarizer, CountsWordsThatDifferInOneByteOnly) {
  std::string text;
  for (int i = 0; i < 300'000; ++i)
    text.append("a").append(std::to_string(i)).append(i % 10 == 9 ? "\n" : " ");
  for (const char* word : {"\x01", "\x01\x01", "b", "bb", "bbb"}) text.append(word).append(" ");
  text += std::string("b\0 b\0\0", 6);
  const TemporaryFolder folder;
  test::write_file(folder / "text", text);
  EXPECT_EQ(count_words(folder / "text", 2).size(), 4 + 300'000 + 5 + 2);
}

}  // namespace
}  // namespace nopos
