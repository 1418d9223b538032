#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "built_plugin.h"
#include "fixed_features_model.h"
#include "nopos/criterion.h"

namespace nopos {
namespace {

std::shared_ptr<Criterion> cross_entropy(bool sentence_avg = false) {
  return test::make_component<Criterion>("cross_entropy", {},
                                         {.padding_idx = 1, .sentence_avg = sentence_avg});
}

at::Tensor logits() { return (at::arange(30, at::kFloat) * 0.37).sin().view({2, 3, 5}); }

TEST(CrossEntropy, SumsTheTargetsThatAreNotPadding) {
  test::FixedFeaturesModel model(logits(), /*adaptive=*/false);
  const CriterionResult result = cross_entropy()->forward(model, test::padded_batch());

  double expected = 0;
  const std::array<int, 4> targets{4, 2, 0, 3};
  for (int row = 0; row < 4; ++row) {
    double sum = 0;
    for (int v = 0; v < 5; ++v) sum += std::exp(std::sin(0.37 * (5 * row + v)));
    expected += std::log(sum) - std::sin(0.37 * (5 * row + targets[static_cast<std::size_t>(row)]));
  }
  EXPECT_NEAR(result.loss.item<double>(), expected, 1e-5);
  EXPECT_EQ(result.sample_size, 4);
  EXPECT_EQ(model.identity.rows_seen, 4) << "padding reached the output head";

  result.loss.backward();
  const at::Tensor grad = model.logits.grad().view({6, 5});
  EXPECT_TRUE(at::equal(grad.slice(0, 4), at::zeros({2, 5})));
  EXPECT_NEAR(grad.slice(0, 0, 4).sum().item<double>(), 0, 1e-5);  // probabilities minus one
  EXPECT_GT(grad.slice(0, 0, 4).abs().min().item<double>(), 0);
}

TEST(CrossEntropy, TakesABatchWithoutPaddingWhole) {
  test::FixedFeaturesModel model(logits(), /*adaptive=*/false);
  Batch batch = test::padded_batch();
  batch.targets = at::tensor({4, 2, 0, 3, 4, 0}, at::kLong).view({2, 3});
  batch.num_tokens = 6;
  const CriterionResult result = cross_entropy()->forward(model, batch);
  const at::Tensor expected = -at::log_softmax(logits(), -1).gather(2, batch.targets.unsqueeze(2)).sum();
  EXPECT_NEAR(result.loss.item<double>(), expected.item<double>(), 1e-5);
  EXPECT_EQ(result.sample_size, 6);
}

TEST(CrossEntropy, CountsSentencesWhereAsked) {
  test::FixedFeaturesModel model(logits(), /*adaptive=*/false);
  const auto by_token = cross_entropy(), by_sentence = cross_entropy(true);
  const Batch batch = test::padded_batch();
  const CriterionResult result = by_sentence->forward(model, batch);
  EXPECT_EQ(result.sample_size, 2);
  EXPECT_EQ(result.loss.item<double>(), by_token->forward(model, batch).loss.item<double>());

  const auto names = [](const Criterion& criterion) {
    std::vector<std::string> names;
    for (const Metric& metric : criterion.metrics()) names.push_back(metric.name);
    return names;
  };
  EXPECT_EQ(names(*by_token), (std::vector<std::string>{"loss", "ppl"}));
  EXPECT_EQ(names(*by_sentence), (std::vector<std::string>{"loss", "nll_loss", "ppl"}));
  EXPECT_EQ(by_token->metrics().back().perplexity_of, "loss");
  EXPECT_EQ(by_sentence->metrics().back().perplexity_of, "nll_loss");
  EXPECT_EQ(by_sentence->metrics()[0].denominator, "sample_size");
  EXPECT_EQ(by_sentence->metrics()[1].denominator, "ntokens");
  EXPECT_DOUBLE_EQ(by_token->metrics()[0].scale * std::log(2.0), 1);
}

}  // namespace
}  // namespace nopos
