// Golden values: behavioural specification, "Blocks and LM samples".
#include "nopos/token_blocks.h"

#include "data_fixture.h"
#include "nopos/epoch_batches.h"
#include "nopos/monolingual_dataset.h"

namespace nopos {
namespace {

using test::TemporaryFolder;
using Ids = std::vector<std::int64_t>;

const test::Sentences reference{{4, 5, 6, 2}, {2}, {7, 2},  {8, 9, 10, 11, 12, 13, 2},
                                {2},          {2}, {14, 2}, {15, 16, 2}};

class Blocks : public testing::Test {
 protected:
  TokenBlocks blocks(const test::Sentences& sentences, const std::string& mode, std::int64_t size) {
    return TokenBlocks(SentenceStream({test::dataset_of(folder / "d", sentences)}), break_mode(mode), size);
  }
  TemporaryFolder folder;
};

TEST_F(Blocks, ReferenceVector) {
  struct Case {
    std::string mode;
    std::vector<std::pair<std::size_t, std::size_t>> slices;  // of all tokens end to end
  };
  const std::vector<Case> cases{
      {"none", {{0, 5}, {5, 10}, {10, 15}, {15, 20}, {20, 21}}},
      {"complete", {{0, 5}, {5, 7}, {7, 14}, {14, 18}, {18, 21}}},
      {"complete_doc", {{0, 4}, {5, 7}, {7, 14}, {16, 21}}},
      {"eos", {{0, 4}, {4, 5}, {5, 7}, {7, 14}, {14, 15}, {15, 16}, {16, 18}, {18, 21}}},
  };
  Ids all, before;  // the stream, and what the specification puts before each of its tokens
  for (const auto& sentence : reference) {
    for (std::size_t i = 0; i < sentence.size(); ++i) {
      all.push_back(sentence[i]);
      before.push_back(i == 0 ? 2 : sentence[i - 1]);
    }
  }
  for (const Case& c : cases) {
    const MonolingualDataset dataset(blocks(reference, c.mode, 5),
                                     {.vocabulary = 20, .output_vocabulary = 20});
    ASSERT_EQ(dataset.size(), static_cast<std::int64_t>(c.slices.size())) << c.mode;
    for (std::size_t i = 0; i < c.slices.size(); ++i) {
      const auto [begin, end] = c.slices[i];
      const Ids target(all.begin() + static_cast<long>(begin), all.begin() + static_cast<long>(end));
      Ids source{before[begin]};
      source.insert(source.end(), target.begin(), target.end() - 1);
      const TokenBatch batch = dataset.collate(Ids{static_cast<std::int64_t>(i)});
      EXPECT_EQ(batch.targets, target) << c.mode << " block " << i;
      EXPECT_EQ(batch.tokens, source) << c.mode << " block " << i;
    }
  }
}

TEST_F(Blocks, SourceOfABlockInsideASentenceBeginsWithThatSentencesToken) {
  const MonolingualDataset dataset(blocks(reference, "none", 5), {.vocabulary = 20, .output_vocabulary = 20});
  const TokenBatch batch = dataset.collate(Ids{2});
  EXPECT_EQ(batch.tokens, (Ids{10, 11, 12, 13, 2}));
  EXPECT_EQ(batch.targets, (Ids{11, 12, 13, 2, 2}));
}

TEST_F(Blocks, CollatePadsOnTheRight) {
  const MonolingualDataset dataset(blocks(reference, "none", 5), {.vocabulary = 20, .output_vocabulary = 20});
  const TokenBatch batch = dataset.collate(Ids{4, 0});
  EXPECT_EQ(batch.rows, 2);
  EXPECT_EQ(batch.columns, 5);
  EXPECT_EQ(batch.ids, (Ids{4, 0}));
  EXPECT_EQ(batch.lengths, (Ids{1, 5}));
  EXPECT_EQ(batch.num_tokens, 6);
  EXPECT_EQ(batch.tokens, (Ids{16, 1, 1, 1, 1, 2, 4, 5, 6, 2}));
  EXPECT_EQ(batch.targets, (Ids{2, 1, 1, 1, 1, 4, 5, 6, 2, 2}));
  EXPECT_TRUE(dataset.collate({}).empty());
}

TEST_F(Blocks, BosComesOnTopAndBatchesAreMeasuredWithoutIt) {
  const MonolingualDataset dataset(
      blocks(reference, "none", 5),
      {.vocabulary = 20, .output_vocabulary = 20, .add_bos = true, .columns = 8});
  EXPECT_EQ(dataset.num_tokens(4), 1);
  EXPECT_EQ(dataset.length(4), 2);
  const TokenBatch batch = dataset.collate(Ids{4});
  EXPECT_EQ(batch.tokens, (Ids{0, 16, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(batch.targets, (Ids{0, 2, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(batch.lengths, (Ids{2}));
  EXPECT_EQ(batch.num_tokens, 2);
}

TEST_F(Blocks, TargetsBeyondTheOutputVocabularyBecomeUnknown) {
  const MonolingualDataset dataset(blocks(reference, "none", 5), {.vocabulary = 20, .output_vocabulary = 12});
  const TokenBatch batch = dataset.collate(Ids{2});
  EXPECT_EQ(batch.tokens, (Ids{10, 11, 12, 13, 2}));
  EXPECT_EQ(batch.targets, (Ids{11, 3, 3, 2, 2}));
}

TEST_F(Blocks, TokensOutsideTheDictionaryAreAnError) {
  const MonolingualDataset dataset(blocks(reference, "none", 5), {.vocabulary = 16, .output_vocabulary = 16});
  EXPECT_EQ(dataset.collate(Ids{0}).rows, 1);
  const std::string error = test::error_of([&] { dataset.collate(Ids{3}); });
  EXPECT_NE(error.find("d.bin: the block that begins in sentence 5"), std::string::npos) << error;
  EXPECT_NE(error.find("dict.txt has 16 types"), std::string::npos) << error;
}

TEST_F(Blocks, AnOverlongSentenceKeepsItsSizeAndTheFilterDropsIt) {
  std::vector<std::uint32_t> overlong(70001, 7);
  auto dataset = std::make_shared<MonolingualDataset>(
      blocks({{4, 5, 2}, overlong, {6, 2}}, "complete", 512),
      MonolingualDataset::Settings{.vocabulary = 20, .output_vocabulary = 20});
  ASSERT_EQ(dataset->size(), 3);
  EXPECT_EQ(dataset->num_tokens(1), 70001);  // fairseq's 16 bits make 4465 of it and let it pass
  EpochBatches training(dataset, {.max_tokens = 1024, .max_positions = 512, .skip_invalid = true});
  test::LogCollector log;
  BatchIndices kept = training.batches(1, false).at(0);
  std::sort(kept.begin(), kept.end());
  EXPECT_EQ(kept, (BatchIndices{0, 2}));
  EXPECT_EQ(log.lines,
            std::vector<std::string>{"WARNING nopos.data: 1 samples have invalid sizes and will be skipped, "
                                     "max_positions=512, first few sample ids=[1]"});
  EpochBatches validation(dataset, {.max_tokens = 1024, .max_positions = 512});
  const std::string error = test::error_of([&] { validation.batches(1, false); });
  EXPECT_NE(error.find("sample 1 has 70001 tokens, but the model accepts 512"), std::string::npos) << error;
  EXPECT_NE(error.find("--skip-invalid-size-inputs-valid-test"), std::string::npos) << error;
}

TEST_F(Blocks, SeveralFilesAreOneStream) {
  const auto first = test::dataset_of(folder / "a", {{4, 5, 2}, {6, 2}});
  const auto empty = test::dataset_of(folder / "b", {});
  const auto last = test::dataset_of(folder / "c", {{7, 8, 2}});
  const TokenBlocks stream(SentenceStream({first, empty, last}), BreakMode::none, 4);
  ASSERT_EQ(stream.size(), 2);
  Ids block(4);
  stream.read(1, block);
  EXPECT_EQ(block, (Ids{2, 7, 8, 2}));
  EXPECT_EQ(stream.preceding(1), 6);
}

TEST_F(Blocks, CropsShortenSentencesBeforeBlocksAreCut) {
  SentenceStream sentences({test::dataset_of(folder / "d", reference)});
  sentences.crop(3, [](std::int64_t, std::int64_t excess) { return excess; });
  const TokenBlocks stream(std::move(sentences), BreakMode::none, 5);
  ASSERT_EQ(stream.size(), 4);  // 3 + 1 + 2 + 3 + 1 + 1 + 2 + 3 tokens
  Ids block(5);
  stream.read(0, block);
  EXPECT_EQ(block, (Ids{5, 6, 2, 2, 7}));
  stream.read(1, block);
  EXPECT_EQ(block, (Ids{2, 12, 13, 2, 2}));
}

}  // namespace
}  // namespace nopos
