#include "lr_table.h"

namespace nopos {
namespace {

const Settings ten_fifteen_twenty{{"warmup-steps", std::int64_t{10}},
                                  {"hold-steps", std::int64_t{15}},
                                  {"decay-steps", std::int64_t{20}},
                                  {"init-lr-scale", 0.1},
                                  {"final-lr-scale", 0.05}};

double expected_rate(int n) {
  if (n < 10) return 0.02 + 0.018 * n;
  if (n < 25) return 0.2;
  return n <= 45 ? 0.2 * std::exp(-(n - 25) * (-std::log(0.05) / 20)) : 0.05 * 0.2;
}

TEST(TriStage, FollowsTheFormulaOfItsThreeStages) {
  const auto schedule = test::make_schedule("tri_stage", ten_fifteen_twenty, {0.2});
  for (int n = 0; n < 60; ++n) EXPECT_NEAR(schedule->lr(n), expected_rate(n), 1e-12) << n;
}

TEST(TriStage, DividesMaxUpdateByThePhaseRatio) {
  const auto schedule =
      test::make_schedule("tri_stage", {{"phase-ratio", std::vector<double>{0.1, 0.4, 0.5}}}, {1.0}, 1000);
  test::expect_rates(
      *schedule,
      {{0, 0.01}, {50, 0.505}, {100, 1}, {499, 1}, {500, 1}, {750, 0.1}, {1000, 0.01}, {2000, 0.01}});
}

TEST(TriStage, RefusesStagesThatAreNone) {
  test::expect_refusal("tri_stage", {}, {0.1}, "must be more than 0");
  const Settings halves{{"phase-ratio", std::vector<double>{0.5, 0.5}}};
  test::expect_refusal("tri_stage", halves, {0.1}, "but was given 0.5,0.5", 100);
  const Settings thirds{{"phase-ratio", std::vector<double>{0.2, 0.3, 0.5}}};
  test::expect_refusal("tri_stage", thirds, {0.1}, "--max-update must be set");
  Settings to_zero = ten_fifteen_twenty;
  to_zero["final-lr-scale"] = 0.0;
  test::expect_refusal("tri_stage", to_zero, {0.1}, "option 'final-lr-scale' is 0.0, but must be above 0");
  test::expect_refusal("tri_stage", ten_fifteen_twenty, {0.1, 0.2}, "was given 0.1,0.2");
}

}  // namespace
}  // namespace nopos
