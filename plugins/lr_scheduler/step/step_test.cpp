#include "lr_table.h"

namespace nopos {
namespace {

TEST(Step, FollowsTheFormulaToItsFloor) {
  const auto schedule = test::make_schedule("step",
                                            {{"warmup-updates", std::int64_t{8}},
                                             {"warmup-init-lr", 0.01},
                                             {"min-lr", 0.02},
                                             {"lr-deacy-period", std::int64_t{10}},
                                             {"lr-decay", 0.6}},
                                            {0.17});
  for (int n = 0; n < 80; ++n) {
    double expected = 0.01 + 0.02 * n;
    if (n >= 8) {
      expected = 0.17;
      for (int fall = 10; fall <= n - 8; fall += 10) expected *= 0.6;
      if (expected < 0.02) expected = 0.02;
    }
    EXPECT_NEAR(schedule->lr(n), expected, 1e-12) << n;
  }
}

TEST(Step, HalvesEvery25000UpdatesUnlessTold) {
  const auto schedule = test::make_schedule("step", {}, {0.1});
  test::expect_rates(*schedule, {{0, 0.1}, {24999, 0.1}, {25000, 0.05}, {50000, 0.025}});
}

TEST(Step, RisesFromTheFloorWhereNotToldOtherwise) {
  const auto schedule =
      test::make_schedule("step", {{"warmup-updates", std::int64_t{4}}, {"min-lr", 0.1}}, {0.5});
  test::expect_rates(*schedule, {{0, 0.1}, {1, 0.2}, {3, 0.4}, {4, 0.5}});
}

TEST(Step, RefusesAFloorAboveTheRateAndAPeriodOfNothing) {
  test::expect_refusal("step", {{"min-lr", 0.2}}, {0.2}, "more than --min-lr (0.2), but is 0.2");
  test::expect_refusal("step", {{"lr-deacy-period", std::int64_t{0}}}, {0.2}, "must be at least 1");
  test::expect_refusal("step", {{"lr-decay", 1.5}}, {0.2}, "'lr-decay' is 1.5");
  test::expect_refusal("step", {}, {0.1, 0.2}, "was given 0.1,0.2");
}

}  // namespace
}  // namespace nopos
