#include "lr_table.h"

namespace nopos {
namespace {

TEST(InverseSqrt, RisesFromZeroAndFallsWithTheSquareRoot) {
  const auto schedule = test::make_schedule("inverse_sqrt", {}, {5e-4});
  test::expect_rates(
      *schedule, {{0, 0}, {1, 1.25e-7}, {2000, 2.5e-4}, {4000, 5e-4}, {16000, 2.5e-4}, {36000, 5e-4 / 3}});
}

TEST(InverseSqrt, FollowsTheFormulaFromAGivenFirstRate) {
  const auto schedule = test::make_schedule(
      "inverse_sqrt", {{"warmup-updates", std::int64_t{20}}, {"warmup-init-lr", 0.01}}, {0.05});
  for (std::int64_t n = 0; n < 80; ++n) {
    const double expected =
        n < 20 ? 0.01 + 0.002 * static_cast<double>(n) : 0.05 * std::sqrt(20.0 / static_cast<double>(n));
    EXPECT_NEAR(schedule->lr(n), expected, 1e-12) << n;
  }
}

TEST(InverseSqrt, RefusesNoWarmUpAndSeveralRates) {
  test::expect_refusal("inverse_sqrt", {{"warmup-updates", std::int64_t{0}}}, {0.1},
                       "'warmup-updates' is 0, but must be at least 1");
  test::expect_refusal("inverse_sqrt", {}, {0.1, 0.2}, "was given 0.1,0.2");
}

}  // namespace
}  // namespace nopos
