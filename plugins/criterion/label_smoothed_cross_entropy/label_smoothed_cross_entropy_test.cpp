#include <gtest/gtest.h>

#include <cmath>

#include "built_plugin.h"
#include "fixed_features_model.h"
#include "nopos/criterion.h"

namespace nopos {
namespace {

std::shared_ptr<Criterion> criterion(const Settings& settings, bool sentence_avg = false) {
  return test::make_component<Criterion>("label_smoothed_cross_entropy", settings,
                                         {.padding_idx = 1, .sentence_avg = sentence_avg});
}

double logit(int row, int v) { return std::sin(0.37 * (5 * row + v)); }

at::Tensor logits() { return (at::arange(30, at::kFloat) * 0.37).sin().view({2, 3, 5}); }

double log_prob(int row, int v) {
  double sum = 0;
  for (int other = 0; other < 5; ++other) sum += std::exp(logit(row, other));
  return logit(row, v) - std::log(sum);
}

struct Expected {
  double loss = 0, nll = 0;
};

/// The loss of the rows of `test::padded_batch` that have a target, but for the first `prefix` of each row.
Expected expected(double smoothing, int prefix = 0) {
  Expected sums;
  for (const auto& [row, target] : std::map<int, int>{{0, 4}, {1, 2}, {2, 0}, {3, 3}}) {
    if (row % 3 < prefix) continue;
    for (int v = 0; v < 5; ++v) {  // a distribution of targets: 1 - smoothing, the rest in equal parts
      sums.loss -= (v == target ? 1 - smoothing : smoothing / 4) * log_prob(row, v);
    }
    sums.nll -= log_prob(row, target);
  }
  return sums;
}

TEST(LabelSmoothedCrossEntropy, SpreadsItsShareOverTheOtherTokens) {
  for (const double smoothing : {0.0, 0.1, 0.5}) {
    for (const int prefix : {0, 1, 2}) {
      for (const bool accuracy : {false, true}) {
        test::FixedFeaturesModel model(logits(), /*adaptive=*/false);
        const auto result = criterion({{"label-smoothing", smoothing},
                                       {"ignore-prefix-size", std::int64_t{prefix}},
                                       {"report-accuracy", accuracy}})
                                ->forward(model, test::padded_batch());
        EXPECT_NEAR(result.loss.item<double>(), expected(smoothing, prefix).loss, 1e-5)
            << smoothing << prefix;
        EXPECT_NEAR(result.sums.at("nll_loss").item<double>(), expected(smoothing, prefix).nll, 1e-5);
        EXPECT_EQ(result.sample_size, 4);
      }
    }
  }
}

TEST(LabelSmoothedCrossEntropy, PullsLogitsTowardsItsDistribution) {
  test::FixedFeaturesModel model(logits(), /*adaptive=*/false);
  criterion({{"label-smoothing", 0.2}})->forward(model, test::padded_batch()).loss.backward();
  const at::Tensor grad = model.logits.grad().view({6, 5});
  const std::array<int, 4> targets{4, 2, 0, 3};
  for (int row = 0; row < 4; ++row) {
    for (int v = 0; v < 5; ++v) {
      const double wanted = v == targets[static_cast<std::size_t>(row)] ? 0.8 : 0.05;
      EXPECT_NEAR(grad[row][v].item<double>(), std::exp(log_prob(row, v)) - wanted, 1e-6) << row << " " << v;
    }
  }
  EXPECT_TRUE(at::equal(grad.slice(0, 4), at::zeros({2, 5}))) << "padding";
}

TEST(LabelSmoothedCrossEntropy, CountsHowOftenTheLikeliestIsTheTarget) {
  test::FixedFeaturesModel model(logits(), /*adaptive=*/true);
  int correct = 0;
  const std::array<int, 4> targets{4, 2, 0, 3};
  for (int row = 0; row < 4; ++row) {
    int likeliest = 0;
    for (int v = 1; v < 5; ++v) likeliest = logit(row, v) > logit(row, likeliest) ? v : likeliest;
    correct += likeliest == targets[static_cast<std::size_t>(row)] ? 1 : 0;
  }
  const auto reporting = criterion({{"report-accuracy", true}});
  const auto result = reporting->forward(model, test::padded_batch());
  EXPECT_GT(correct, 0);
  EXPECT_EQ(result.sums.at("n_correct").item<int>(), correct);
  EXPECT_EQ(result.sums.at("total").item<int>(), 4);
  const Metric accuracy = reporting->metrics().back();
  EXPECT_EQ(accuracy.name + accuracy.numerator + accuracy.denominator, "accuracyn_correcttotal");
  EXPECT_EQ(accuracy.scale, 100);
}

TEST(LabelSmoothedCrossEntropy, TakesRowsThatAreAllPrefix) {
  test::FixedFeaturesModel model(logits(), /*adaptive=*/false);
  const auto result = criterion({{"label-smoothing", 0.1}, {"ignore-prefix-size", std::int64_t{9}}})
                          ->forward(model, test::padded_batch());
  EXPECT_EQ(result.loss.item<double>(), 0);
  EXPECT_NO_THROW(result.loss.backward());
}

TEST(LabelSmoothedCrossEntropy, LogsThePerplexityWithoutSmoothing) {
  test::FixedFeaturesModel model(logits(), /*adaptive=*/false);
  const auto by_sentence = criterion({{"label-smoothing", 0.1}}, /*sentence_avg=*/true);
  EXPECT_EQ(by_sentence->forward(model, test::padded_batch()).sample_size, 2);
  const auto metrics = by_sentence->metrics();
  ASSERT_EQ(metrics.size(), 3U);
  EXPECT_EQ(metrics[0].denominator, "sample_size");
  EXPECT_EQ(metrics[1].numerator, "nll_loss");
  EXPECT_EQ(metrics[1].denominator, "ntokens");
  EXPECT_EQ(metrics[2].perplexity_of, "nll_loss");
}

}  // namespace
}  // namespace nopos
