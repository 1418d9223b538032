// Blocks of random sentences against an oracle that follows the wording of the behavioural specification,
// "Blocks and LM samples". The streams have several files and hundreds of sentences.
#include <random>

#include "data_fixture.h"
#include "nopos/monolingual_dataset.h"

namespace nopos {
namespace {

using test::TemporaryFolder;
using Ids = std::vector<std::int64_t>;

struct Sample {
  Ids source, target;
  bool operator==(const Sample&) const = default;
};

/// All tokens end to end, and the slices of them that are blocks.
class Oracle {
 public:
  explicit Oracle(const test::Sentences& sentences) {
    for (const auto& sentence : sentences) {
      sizes_.push_back(sentence.size());
      for (std::size_t i = 0; i < sentence.size(); ++i) {
        before_.push_back(i == 0 ? 2 : sentence[i - 1]);
        tokens_.push_back(sentence[i]);
      }
    }
  }

  std::vector<Sample> blocks(const std::string& mode, std::size_t p) {
    samples_.clear();
    if (mode == "none") {
      for (std::size_t i = 0; i * p < tokens_.size(); ++i) cut(i * p, std::min((i + 1) * p, tokens_.size()));
      return samples_;
    }
    std::size_t begin = 0, end = 0;
    const auto close = [&] {
      if (end - begin > (mode == "complete_doc" ? 1u : 0u)) cut(begin, end);
      begin = end;
    };
    for (const std::size_t s : sizes_) {
      if (mode == "eos") {
        cut(end, end + s);
        end += s;
      } else if (mode == "complete_doc" && s == 1) {  // closes the block and is skipped
        close();
        begin = end += s;
      } else {
        if (end - begin + s > p && end > begin) close();
        end += s;
      }
    }
    if (mode != "eos") close();
    return samples_;
  }

 private:
  void cut(std::size_t begin, std::size_t end) {
    Sample sample{{}, {tokens_.begin() + static_cast<long>(begin), tokens_.begin() + static_cast<long>(end)}};
    for (std::size_t i = begin; i < end; ++i)
      sample.source.push_back(i == begin ? before_[i] : tokens_[i - 1]);
    samples_.push_back(sample);
  }

  std::vector<std::size_t> sizes_;
  Ids tokens_, before_;
  std::vector<Sample> samples_;
};

TEST(TokenBlocks, EqualTheOracleOnRandomSentences) {
  const TemporaryFolder folder;
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) { return random() % n; };
  std::size_t blocks = 0;
  for (int number = 0; number < 40; ++number) {
    test::Sentences all;
    std::vector<std::shared_ptr<const IndexedDataset>> files;
    for (std::size_t file = 0, count = 1 + below(3); file < count; ++file) {
      test::Sentences sentences(below(300));
      for (auto& sentence : sentences) {
        // runs of one-token sentences, and now and then one without any
        const std::size_t words = below(3) == 0 ? 0 : below(below(10) == 0 ? 60 : 8);
        for (std::size_t i = 0; i < words; ++i) sentence.push_back(4 + static_cast<std::uint32_t>(below(90)));
        if (below(20) > 0) sentence.push_back(2);
      }
      all.insert(all.end(), sentences.begin(), sentences.end());
      files.push_back(test::dataset_of(folder / std::to_string(file), sentences));
    }
    const std::size_t size = 1 + below(40);
    for (const char* mode : {"none", "complete", "complete_doc", "eos"}) {
      const MonolingualDataset dataset(
          TokenBlocks(SentenceStream(files), break_mode(mode), static_cast<std::int64_t>(size)),
          {.vocabulary = 100, .output_vocabulary = 100});
      const std::vector<Sample> expected = Oracle(all).blocks(mode, size);
      ASSERT_EQ(dataset.size(), static_cast<std::int64_t>(expected.size())) << mode << " case " << number;
      for (std::int64_t i = 0; i < dataset.size(); ++i, ++blocks) {
        const Sample& block = expected[static_cast<std::size_t>(i)];
        ASSERT_EQ(dataset.num_tokens(i), static_cast<std::int64_t>(block.target.size()));
        const TokenBatch batch = dataset.collate({&i, 1});
        ASSERT_EQ((Sample{batch.tokens, batch.targets}), block)
            << mode << " case " << number << " block " << i;
      }
    }
  }
  EXPECT_GT(blocks, 10000u);
}

}  // namespace
}  // namespace nopos
