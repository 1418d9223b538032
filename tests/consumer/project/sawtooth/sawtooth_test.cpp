#include <gtest/gtest.h>
#include <nopos/lr_scheduler.h>
#include <nopos/testing.h>

TEST(Sawtooth, FallsAndStartsAgain) {
  const auto schedule = nopos::testing::make_component<nopos::LRScheduler>(
      NOPOS_PLUGIN_LIBRARY, "sawtooth", {{"sawtooth-period", std::int64_t{4}}}, {{0.8}, 0});
  const double expected[] = {0.8, 0.6, 0.4, 0.2, 0.8};
  for (std::int64_t update = 0; update < 5; ++update)
    EXPECT_NEAR(schedule->lr(update), expected[update], 1e-12);
}
