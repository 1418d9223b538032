// Golden values: lists that fairseq printed (golden/), and NumPy 2's RandomState for the generator.
#include "nopos/epoch_batches.h"

#include <nlohmann/json.hpp>

#include "batch_cases.h"
#include "binarizer.h"
#include "data_fixture.h"
#include "nopos/monolingual_dataset.h"
#include "nopos/numpy_random.h"
#include "toy_corpus.h"

namespace nopos {
namespace {

using nlohmann::json;
using test::TemporaryFolder;

const std::filesystem::path golden = NOPOS_SOURCE_DIR "/sdk/data/test/golden";

TEST(NumpyRandom, DrawsWhatNumpyDraws) {
  EXPECT_EQ(NumpyRandom(1).permutation(10), (std::vector<std::int64_t>{2, 9, 6, 4, 0, 3, 1, 7, 8, 5}));
  EXPECT_EQ(NumpyRandom(2).permutation(10), (std::vector<std::int64_t>{4, 1, 5, 0, 7, 2, 3, 6, 9, 8}));
  std::vector<char> letters{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'};
  NumpyRandom(1).shuffle(letters);
  EXPECT_EQ(std::string(letters.begin(), letters.end()), "hcbgaedf");

  NumpyRandom random(1234567);
  const auto drawn = random.permutation(300);
  EXPECT_EQ(std::vector<std::int64_t>(drawn.end() - 5, drawn.end()),
            (std::vector<std::int64_t>{297, 125, 96, 116, 127}));
  std::vector<std::uint32_t> integers;
  for (const std::uint32_t max : {0u, 1u, 2u, 999u, 1048575u, 4294967295u})
    integers.push_back(random.interval(max));
  EXPECT_EQ(integers, (std::vector<std::uint32_t>{0, 1, 1, 800, 414587, 2047451764}));
  EXPECT_EQ(random.rand(), 0.28943349189134215);
  EXPECT_EQ(random.rand(), 0.70679955747691);
  EXPECT_EQ(random.rand(), 0.0361903139985138);

  NumpyRandom largest(4294967295);
  EXPECT_EQ(largest.permutation(1000)[3], 632);
  EXPECT_EQ(largest.rand(), 0.10291410382079258);
  EXPECT_NE(test::error_of([] { NumpyRandom refused(-1); }), "");
  EXPECT_NE(test::error_of([] { NumpyRandom refused(4294967296); }), "");
}

TEST(NumpyRandom, CompositeSeeds) {
  const std::vector<std::pair<std::vector<std::int64_t>, std::int64_t>> cases{
      {{1, 1, 0}, 810752}, {{1, 1, 1}, 808832},
      {{1, 2, 0}, 565248}, {{3, 7, 123456}, 524352},
      {{0, 0, 0}, 9152},   {{12345, 600, 99999999}, 811840},
      {{5}, 632832}};
  for (const auto& [numbers, seed] : cases) EXPECT_EQ(composite_seed(numbers), seed);
}

TEST(BatchBySize, EqualsTheReferencesCases) {
  EXPECT_EQ(test::check_batch_by_size(golden / "batch_by_size.jsonl"), 100);
}

TEST(BatchBySize, ExamplesOfTheSpecification) {
  const auto batch_sizes = [](const std::vector<std::int64_t>& lengths, std::int64_t max_tokens) {
    std::vector<std::int64_t> order(lengths.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
    std::vector<std::size_t> sizes;
    for (const auto& batch : batch_by_size(order, lengths, max_tokens, {}, 8)) sizes.push_back(batch.size());
    return sizes;
  };
  EXPECT_EQ(batch_sizes(std::vector<std::int64_t>(19, 5), 50), (std::vector<std::size_t>{8, 8, 3}));
  EXPECT_EQ(batch_sizes({10, 10, 30, 30, 30}, 60), (std::vector<std::size_t>{2, 2, 1}));
  EXPECT_TRUE(batch_sizes({}, 60).empty());
  const std::string error = test::error_of([&] { batch_sizes({10, 61}, 60); });
  EXPECT_NE(error.find("sample 1 has 61 tokens, more than a batch may have (--max-tokens 60)"),
            std::string::npos);
}

/// The toy corpus's training split as the flag set T of the specification cuts it.
class ToyBatches : public testing::Test {
 protected:
  void SetUp() override {
    test::write_toy_corpus(folder.path());
    dictionary = count_words(folder / "train.txt", 2);
    dictionary.finalize(0, -1, 8);
    binarize(folder / "train.txt", dictionary, folder / "train", 2);
  }

  std::shared_ptr<MonolingualDataset> dataset(const std::string& mode) {
    SentenceStream sentences({std::make_shared<IndexedDataset>(folder / "train")});
    return std::make_shared<MonolingualDataset>(
        TokenBlocks(std::move(sentences), break_mode(mode), 32),
        MonolingualDataset::Settings{.vocabulary = dictionary.size(),
                                     .output_vocabulary = dictionary.size()});
  }

  static BatchOptions options(std::int64_t num_shards = 1, std::int64_t shard = 0) {
    return {.max_tokens = 256,
            .required_batch_size_multiple = 1,
            .max_positions = 32,
            .skip_invalid = true,
            .seed = 1,
            .num_shards = num_shards,
            .shard = shard};
  }

  TemporaryFolder folder;
  Dictionary dictionary;
};

TEST_F(ToyBatches, EqualTheReferencesListsForEveryEpochAndShard) {
  for (const char* name : {"none-W1", "none-W3", "complete_doc-W1", "complete_doc-W3"}) {
    const json recorded = json::parse(test::read_file(golden / ("batches-" + std::string(name) + ".json")));
    const auto data = dataset(recorded["mode"]);
    EXPECT_EQ(data->size(), recorded["blocks"].get<std::int64_t>());
    const std::int64_t shards = recorded["world_size"];
    for (std::int64_t shard = 0; shard < shards; ++shard) {
      EpochBatches batches(data, options(shards, shard));
      for (const json& epoch : recorded["epochs"]) {
        EXPECT_EQ(batches.batches(epoch["epoch"], true),
                  epoch["ranks"][static_cast<std::size_t>(shard)].get<BatchList>())
            << name << " epoch " << epoch["epoch"] << " shard " << shard;
      }
    }
  }
}

TEST_F(ToyBatches, HaveTheReferencesNumbers) {
  EXPECT_EQ(EpochBatches(dataset("none"), options()).batches(1, true).size(), 29u);
  EXPECT_EQ(EpochBatches(dataset("complete_doc"), options()).batches(1, true).size(), 30u);
}

TEST_F(ToyBatches, UnshuffledTheyGrowInSize) {
  const auto data = dataset("complete_doc");
  std::int64_t last = 0;
  for (const auto& batch : EpochBatches(data, options()).batches(1, false)) {
    for (const std::int64_t index : batch) {
      EXPECT_GE(data->num_tokens(index), last);
      last = data->num_tokens(index);
    }
  }
  EXPECT_GT(last, 0);
}

TEST_F(ToyBatches, ReorderingByEpochIsReseeding) {
  BatchOptions reordered = options(), seeded = options();
  reordered.reorder_each_epoch = true;
  seeded.seed = 3;  // seed 1, epoch 2
  for (const bool shuffle : {false, true}) {
    EXPECT_EQ(EpochBatches(dataset("none"), reordered).batches(2, shuffle),
              EpochBatches(dataset("none"), seeded).batches(2, shuffle));
  }
}

TEST_F(ToyBatches, GroupedShufflingKeepsNeighboursAndDropsTheRest) {
  const auto data = dataset("none");
  const BatchList unshuffled = EpochBatches(data, options()).batches(1, false);
  std::vector<BatchList> shards;
  for (std::int64_t shard = 0; shard < 3; ++shard) {
    BatchOptions grouped = options(3, shard);
    grouped.grouped_shuffling = true;
    shards.push_back(EpochBatches(data, grouped).batches(1, true));
    ASSERT_EQ(shards.back().size(), 9u);  // 29 batches make 9 groups of 3
  }
  for (std::size_t i = 0; i < 9; ++i) {
    const auto first = std::find(unshuffled.begin(), unshuffled.end(), shards[0][i]);
    ASSERT_NE(first, unshuffled.end());
    EXPECT_EQ((first - unshuffled.begin()) % 3, 0);
    EXPECT_EQ(shards[1][i], first[1]);
    EXPECT_EQ(shards[2][i], first[2]);
  }
}

TEST_F(ToyBatches, SamplesLongerThanABatchAreDroppedInTraining) {
  BatchOptions small = options();
  small.max_tokens = 20;
  test::LogCollector log;
  for (const auto& batch : EpochBatches(dataset("complete_doc"), small).batches(1, true))
    EXPECT_FALSE(batch.empty());
  ASSERT_EQ(log.lines.size(), 1u);
  EXPECT_NE(
      log.lines[0].find("samples have invalid sizes and will be skipped, max_positions=20, first few sample "
                        "ids=["),
      std::string::npos)
      << log.lines[0];
}

}  // namespace
}  // namespace nopos
