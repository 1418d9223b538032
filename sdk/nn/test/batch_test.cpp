#include "nopos/batch.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "nopos/error.h"

namespace nopos {
namespace {

TokenBatch two_rows() {
  TokenBatch batch;
  batch.rows = 2, batch.columns = 3;
  batch.tokens = {4, 5, 6, 7, 8, 1};
  return batch;
}

TEST(Batch, HasWhatElseTheTaskGave) {
  TokenBatch batch = two_rows();
  batch.extra["weights"] = {{2, 3}, std::vector<float>{0.5, 1, 1, 1, 2, 0}};
  batch.extra["kind"] = {{2}, std::vector<std::int64_t>{7, 8}};
  const Batch tensors = to_tensors(batch);
  EXPECT_TRUE(
      tensors.extra.at("weights").equal(at::tensor({0.5, 1.0, 1.0, 1.0, 2.0, 0.0}, at::kFloat).view({2, 3})));
  EXPECT_TRUE(tensors.extra.at("kind").equal(at::tensor({7, 8}, at::kLong)));
}

TEST(Batch, RefusesAnExtraArrayThatDoesNotFit) {
  TokenBatch batch = two_rows();
  batch.extra["weights"] = {{2, 3}, std::vector<float>{1, 2}};
  EXPECT_THROW(to_tensors(batch), Error);
  batch.extra["weights"] = {{3}, std::vector<float>{1, 2, 3}};
  EXPECT_THROW(to_tensors(batch), Error);
}

}  // namespace
}  // namespace nopos
