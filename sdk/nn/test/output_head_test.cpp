#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "nopos/error.h"
#include "nopos/nn/adaptive_softmax.h"
#include "nopos/nn/full_head.h"

namespace nopos {
namespace {

constexpr std::int64_t C = 16, V = 50, N = 40;

/// Bands [0,10), [10,30), [30,50).
AdaptiveInput input() { return {AdaptiveBands({10, 30}, V, "test"), C, /*factor=*/2, C, /*padding_idx=*/1}; }

std::vector<std::pair<const char*, std::shared_ptr<OutputHead>>> heads() {
  const AdaptiveInput tied_to = input();
  const AdaptiveSoftmax::Shape shape{.input_dim = C, .factor = 2};
  return {{"full", std::make_shared<FullHead>(C, V)},
          {"tied", std::make_shared<FullHead>(at::randn({V, C}))},
          {"adaptive", std::make_shared<AdaptiveSoftmax>(AdaptiveBands({10, 30}, V, "test"), shape)},
          {"adaptive tied", std::make_shared<AdaptiveSoftmax>(tied_to, shape, false)},
          {"adaptive tied with projections", std::make_shared<AdaptiveSoftmax>(tied_to, shape, true)}};
}

TEST(OutputHead, LossIsTheLogProbabilityOfTheTarget) {
  at::manual_seed(3);
  const at::Tensor features = at::randn({N, C}), targets = at::randint(V, {N}, at::kLong);
  for (const auto& [name, head] : heads()) {
    const at::Tensor log_probs = head->log_probs(features);
    EXPECT_TRUE(at::allclose(log_probs.exp().sum(-1), at::ones({N}), 1e-5)) << name;
    at::Tensor expected = -log_probs.gather(1, targets.unsqueeze(1)).squeeze(1) * targets.ne(1);
    if (head->adaptive()) {  // place 1 of a tail's band counts as its band
      for (const std::int64_t begin : {10, 30}) {
        expected = at::where(targets.eq(begin + 1), -log_probs.narrow(1, begin, 20).logsumexp(1), expected);
      }
    }
    EXPECT_TRUE(at::allclose(head->nll(features, targets, /*padding_idx=*/1), expected, 1e-5, 1e-6)) << name;
    const at::Tensor folded = head->log_probs(features.view({4, N / 4, C}));
    EXPECT_TRUE(at::allclose(folded.view({N, V}), log_probs)) << name;
  }
}

TEST(OutputHead, TiedWeightIsTheEmbedding) {
  const at::Tensor embedding = at::randn({V, C}), features = at::randn({N, C});
  FullHead head(embedding);
  EXPECT_TRUE(at::allclose(head.log_probs(features), at::log_softmax(features.matmul(embedding.t()), -1),
                           1e-5, 1e-6));
}

TEST(OutputHead, TiedDrawsWhatTheReferenceThrowsAway) {
  at::manual_seed(5);
  const FullHead head(at::zeros({V, C}));
  const at::Tensor after = at::rand({4});
  at::manual_seed(5);
  at::empty({V, C}).uniform_();
  EXPECT_TRUE(at::equal(at::rand({4}), after));
}

TEST(AdaptiveSoftmax, TailsWithoutTargetsGetNoGradient) {
  AdaptiveSoftmax head(AdaptiveBands({10, 30}, V, "test"), {.input_dim = C, .factor = 2});
  head.nll(at::randn({N, C}), at::randint(2, 30, {N}, at::kLong), 1).sum().backward();
  const auto parameters = head.named_parameters();
  EXPECT_TRUE(parameters["head.weight"].grad().defined());
  EXPECT_TRUE(parameters["tail.0.2.weight"].grad().defined());
  EXPECT_FALSE(parameters["tail.1.0.weight"].grad().defined());
  EXPECT_FALSE(parameters["tail.1.2.weight"].grad().defined());
}

TEST(AdaptiveSoftmax, DropsFeaturesWhileTrainingOnly) {
  at::manual_seed(3);
  AdaptiveSoftmax head(AdaptiveBands({10}, V, "test"), {.input_dim = C, .factor = 2, .dropout = 0.5});
  const at::Tensor features = at::randn({N, C}), targets = at::randint(V, {N}, at::kLong);
  EXPECT_FALSE(at::equal(head.nll(features, targets, 1), head.nll(features, targets, 1)));
  head.eval();
  EXPECT_TRUE(at::equal(head.nll(features, targets, 1), head.nll(features, targets, 1)));
}

TEST(AdaptiveInput, LooksUpAndProjectsEachTokenInItsBand) {
  const AdaptiveInput adaptive = input();
  const at::Tensor tokens = at::tensor({49, 4, 10, 1, 29, 9, 30, 4, 31, 12}, at::kLong).view({2, 5});
  const at::Tensor out = adaptive.forward(tokens);
  for (std::int64_t i = 0; i < 10; ++i) {
    const std::int64_t id = tokens.view(-1)[i].item<std::int64_t>();
    const std::size_t band = id < 10 ? 0 : id < 30 ? 1 : 2;
    const at::Tensor row = adaptive.embedding(band)[id - adaptive.bands().begin(band)];
    EXPECT_TRUE(at::allclose(out.view({10, C})[i], adaptive.projection(band).mv(row), 1e-5, 1e-6)) << id;
  }
}

TEST(AdaptiveInput, OnlyPaddingKeepsItsZeroRow) {
  const AdaptiveInput adaptive = input();
  adaptive.forward(at::tensor({1, 11, 31, 4}, at::kLong).view({1, 4})).sum().backward();
  EXPECT_TRUE(at::equal(adaptive.embedding(0).grad()[1], at::zeros({C})));
  EXPECT_FALSE(at::equal(adaptive.embedding(1).grad()[1], at::zeros({C / 2})));
}

TEST(AdaptiveInput, BandsWithoutTokensGetNoGradient) {
  const AdaptiveInput adaptive = input();
  adaptive.forward(at::tensor({4, 5, 6}, at::kLong).view({1, 3})).sum().backward();
  EXPECT_TRUE(adaptive.embedding(0).grad().defined());
  EXPECT_FALSE(adaptive.embedding(1).grad().defined());
  EXPECT_FALSE(adaptive.projection(2).grad().defined());
}

TEST(AdaptiveBands, RefusesFactorsThatLeaveABandEmpty) {
  EXPECT_THROW(AdaptiveInput(AdaptiveBands({10, 30}, V, "test"), 8, 4, C, 1), Error);
  EXPECT_THROW(AdaptiveBands({0, 30}, V, "test"), Error);
  EXPECT_EQ(AdaptiveBands({10, V}, V, "test").size(), 2u);
}

}  // namespace
}  // namespace nopos
