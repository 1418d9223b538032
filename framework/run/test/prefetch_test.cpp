#include "prefetch.h"

#include <gtest/gtest.h>

#include "nopos/error.h"

namespace nopos::engine {
namespace {

/// Sample i is the token i; sample `broken` cannot be read.
class Numbers final : public Dataset {
 public:
  explicit Numbers(std::int64_t broken = -1) : broken_(broken) {}
  std::int64_t size() const override { return 100; }
  std::int64_t num_tokens(std::int64_t) const override { return 1; }
  TokenBatch collate(std::span<const std::int64_t> indices) const override {
    TokenBatch batch;
    batch.rows = static_cast<std::int64_t>(indices.size());
    batch.ids.assign(indices.begin(), indices.end());
    for (const std::int64_t id : batch.ids) {
      if (id == broken_) throw Error(ExitCode::data, "sample " + std::to_string(id) + " is damaged");
    }
    return batch;
  }
  std::vector<std::int64_t> ordered_indices(std::int64_t) const override { return {}; }

 private:
  std::int64_t broken_;
};

BatchList pairs(std::int64_t count) {
  BatchList batches;
  for (std::int64_t i = 0; i < count; ++i) batches.push_back({2 * i, 2 * i + 1});
  return batches;
}

class PrefetcherOfDepth : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(All, PrefetcherOfDepth, testing::Values(0, 1, 3, 100));

TEST_P(PrefetcherOfDepth, HandsOverTheBatchesInOrderFromTheFirst) {
  const Numbers numbers;
  Prefetcher prefetcher(numbers, pairs(20), 5, GetParam());
  for (std::int64_t i = 5; i < 20; ++i) {
    const auto batch = prefetcher.next();
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->ids, (std::vector<std::int64_t>{2 * i, 2 * i + 1}));
  }
  EXPECT_FALSE(prefetcher.next());
  EXPECT_FALSE(prefetcher.next());
}

TEST_P(PrefetcherOfDepth, AnErrorArrivesInItsPlace) {
  const Numbers numbers(/*broken=*/5);
  Prefetcher prefetcher(numbers, pairs(20), 0, GetParam());
  EXPECT_TRUE(prefetcher.next());
  EXPECT_TRUE(prefetcher.next());
  EXPECT_THROW(prefetcher.next(), Error);
}

TEST_P(PrefetcherOfDepth, MayBeLeftHalfway) {
  const Numbers numbers;
  Prefetcher prefetcher(numbers, pairs(40), 0, GetParam());
  EXPECT_TRUE(prefetcher.next());
}

}  // namespace
}  // namespace nopos::engine
