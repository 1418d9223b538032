#include "lr_table.h"

namespace nopos {
namespace {

TEST(Triangular, RisesAndFallsWithinEachPeriod) {
  const auto schedule = test::make_schedule(
      "triangular", {{"max-lr", 0.5}, {"lr-period-updates", 20.0}, {"lr-shrink", 0.5}}, {0.1});
  test::expect_rates(*schedule, {{0, 0.1},
                                 {1, 0.14},
                                 {5, 0.3},
                                 {10, 0.5},
                                 {11, 0.46},
                                 {20, 0.1},
                                 {25, 0.175},
                                 {30, 0.25},
                                 {40, 0.1},
                                 {50, 0.125}});
}

// Fifty updates of an odd period, whose half is rounded down, with a floor that shrinks.
TEST(Triangular, FollowsTheFormulaWithAShrinkingFloor) {
  const auto schedule = test::make_schedule(
      "triangular", {{"max-lr", 0.3}, {"lr-period-updates", 15.0}, {"lr-shrink", 0.8}, {"shrink-min", true}},
      {0.02});
  for (int n = 0; n < 50; ++n) {
    const int within = n % 14;
    const double height = (within <= 7 ? within : 14 - within) / 7.0;
    const double expected = std::pow(0.8, n / 14) * (0.02 + 0.28 * height);
    EXPECT_NEAR(schedule->lr(n), expected, 1e-12) << n;
  }
}

TEST(Triangular, RefusesAPeakThatIsNone) {
  test::expect_refusal("triangular", {}, {0.1}, "but is not given");
  test::expect_refusal("triangular", {{"max-lr", 0.1}}, {0.1}, "must be given and be larger, but is 0.1");
  test::expect_refusal("triangular", {{"max-lr", 1.0}}, {0.1, 0.2}, "was given 0.1,0.2");
}

}  // namespace
}  // namespace nopos
