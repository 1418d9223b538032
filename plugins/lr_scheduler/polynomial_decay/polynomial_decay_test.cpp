#include "lr_table.h"

namespace nopos {
namespace {

const auto updates = [](std::int64_t warmup, std::int64_t total) {
  return Settings{{"warmup-updates", warmup}, {"total-num-update", total}};
};

TEST(PolynomialDecay, GivesTheReferencesRates) {
  const auto schedule = test::make_schedule("polynomial_decay", updates(1000, 20000), {2e-4});
  test::expect_rates(*schedule, {{0, 0},
                                 {1, 2e-7},
                                 {500, 1e-4},
                                 {1000, 2e-4},
                                 {1001, 1.999894737e-4},
                                 {10500, 1e-4},
                                 {19999, 1.052631579e-8},
                                 {20000, 0},
                                 {50000, 0}});
}

TEST(PolynomialDecay, FollowsTheFormulaWithPowerAndEnd) {
  Settings settings = updates(0, 60);
  settings.insert({{"power", 2.0}, {"end-learning-rate", 0.01}});
  const auto schedule = test::make_schedule("polynomial_decay", settings, {0.05});
  for (std::int64_t n = 0; n <= 60; ++n) {
    const double left = 1 - static_cast<double>(n) / 60;
    EXPECT_NEAR(schedule->lr(n), 0.04 * left * left + 0.01, 1e-12) << n;
  }
  EXPECT_EQ(schedule->lr(61), 0.01);
}

TEST(PolynomialDecay, TakesTheRateOfTheNextEpochAsTheReferenceDoes) {
  const auto schedule = test::make_schedule("polynomial_decay", updates(0, 100), {0.1, 0.2, 0.3});
  EXPECT_DOUBLE_EQ(schedule->lr(0), 0.1);
  for (const auto& [epoch, rate] : std::map<std::int64_t, double>{{1, 0.2}, {2, 0.3}, {9, 0.3}}) {
    schedule->begin_epoch(epoch);
    EXPECT_DOUBLE_EQ(schedule->lr(0), rate) << "epoch " << epoch;
  }
}

TEST(PolynomialDecay, RefusesToGuessItsEnd) {
  test::expect_refusal("polynomial_decay", {}, {0.1}, "needs --total-num-update");
  Settings annealed = updates(0, 100);
  annealed["force-anneal"] = std::int64_t{3};
  test::expect_refusal("polynomial_decay", annealed, {0.1}, "'force-anneal' is 3");
}

}  // namespace
}  // namespace nopos
