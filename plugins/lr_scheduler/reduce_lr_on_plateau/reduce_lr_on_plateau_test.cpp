#include <limits>

#include "lr_table.h"

namespace nopos {
namespace {

/// Fifty losses that fall, stay and rise.
double loss_of(int epoch) { return 5 / (1 + 0.1 * epoch) + 0.4 * std::sin(1.7 * epoch); }

TEST(ReduceLrOnPlateau, ShrinksAfterEpochsWithoutImprovement) {
  const auto schedule = test::make_schedule(
      "reduce_lr_on_plateau", {{"lr-shrink", 0.7}, {"lr-threshold", 0.01}, {"lr-patience", std::int64_t{2}}},
      {0.4});
  double best = std::numeric_limits<double>::infinity(), rate = 0.4;
  int bad = 0, shrinkings = 0;
  for (int epoch = 1; epoch <= 50; ++epoch) {
    EXPECT_NEAR(schedule->lr(10 * epoch), rate, 1e-12) << "epoch " << epoch;
    schedule->end_epoch(epoch, 10 * epoch, loss_of(epoch));
    bad = loss_of(epoch) < best * 0.99 ? 0 : bad + 1;
    if (bad == 0) best = loss_of(epoch);
    if (bad == 3) rate *= 0.7, bad = 0, ++shrinkings;
  }
  EXPECT_GT(shrinkings, 3);
}

TEST(ReduceLrOnPlateau, CountsNoEpochOfTheWarmUp) {
  const auto schedule = test::make_schedule(
      "reduce_lr_on_plateau", {{"warmup-updates", std::int64_t{20}}, {"warmup-init-lr", 0.1}}, {0.5});
  test::expect_rates(*schedule, {{0, 0.1}, {5, 0.2}, {20, 0.5}, {21, 0.5}});
  schedule->end_epoch(1, 10, 1.0);
  schedule->end_epoch(2, 20, 2.0);  // the rise ends with update 21
  EXPECT_EQ(schedule->state().at("best"), std::numeric_limits<double>::infinity());
  schedule->end_epoch(3, 30, 3.0);
  schedule->end_epoch(4, 40, 3.0);
  test::expect_rates(*schedule, {{10, 0.3}, {40, 0.05}});
  schedule->end_epoch(5, 50, std::nullopt);  // without validation nothing is learnt
  test::expect_rates(*schedule, {{50, 0.05}});
}

TEST(ReduceLrOnPlateau, TakesHigherForBetterWhereToldTo) {
  const auto schedule = test::make_component<LRScheduler>("reduce_lr_on_plateau", {},
                                                          {.lr = {0.5}, .max_update = 0, .maximize = true});
  schedule->end_epoch(1, 10, 1.0);
  schedule->end_epoch(2, 20, 2.0);
  test::expect_rates(*schedule, {{20, 0.5}});
  schedule->end_epoch(3, 30, 1.5);
  test::expect_rates(*schedule, {{30, 0.05}});
}

TEST(ReduceLrOnPlateau, ContinuesFromItsStateBitForBit) {
  const Settings settings{{"lr-shrink", 0.7}, {"lr-patience", std::int64_t{1}}};
  const auto schedule = test::make_schedule("reduce_lr_on_plateau", settings, {0.4});
  for (int stop = 1; stop <= 12; ++stop) {
    schedule->end_epoch(stop, 10 * stop, loss_of(stop));
    const auto resumed = test::make_schedule("reduce_lr_on_plateau", settings, {0.4});
    resumed->restore(schedule->state());
    const auto uninterrupted = test::make_schedule("reduce_lr_on_plateau", settings, {0.4});
    for (int epoch = 1; epoch <= 24; ++epoch) {
      uninterrupted->end_epoch(epoch, 10 * epoch, loss_of(epoch));
      if (epoch <= stop) continue;
      resumed->end_epoch(epoch, 10 * epoch, loss_of(epoch));
      EXPECT_EQ(resumed->lr(10 * epoch), uninterrupted->lr(10 * epoch)) << stop << " " << epoch;
      EXPECT_EQ(resumed->state(), uninterrupted->state()) << stop << " " << epoch;
    }
  }
}

TEST(ReduceLrOnPlateau, RefusesSeveralRatesAndAFactorAboveOne) {
  test::expect_refusal("reduce_lr_on_plateau", {}, {0.1, 0.2}, "was given 0.1,0.2");
  test::expect_refusal("reduce_lr_on_plateau", {{"lr-shrink", 1.5}}, {0.1}, "'lr-shrink' is 1.5");
}

}  // namespace
}  // namespace nopos
