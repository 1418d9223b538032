#include "lr_table.h"

namespace nopos {
namespace {

TEST(Fixed, WarmsUpFromTheFirstShareOfTheRate) {
  const auto schedule = test::make_schedule("fixed", {{"warmup-updates", std::int64_t{4}}}, {0.1});
  test::expect_rates(*schedule, {{0, 0.025}, {1, 0.05}, {2, 0.075}, {3, 0.1}, {4, 0.1}, {1000, 0.1}});
}

TEST(Fixed, TakesOneRatePerEpochThenShrinksTheLast) {
  struct Row {
    std::int64_t epoch;
    double rate;
  };
  const auto schedule = test::make_schedule("fixed", {{"force-anneal", std::int64_t{4}}, {"lr-shrink", 0.5}},
                                            {0.1, 0.2, 0.3, 0.4, 0.5});
  for (const auto& [epoch, rate] : {Row{1, 0.1}, {2, 0.2}, {3, 0.3}, {4, 0.25}, {5, 0.125}, {6, 0.0625}}) {
    schedule->begin_epoch(epoch);
    EXPECT_DOUBLE_EQ(schedule->lr(7), rate) << "epoch " << epoch;
  }
}

TEST(Fixed, StaysAtTheLastRateWithoutForceAnneal) {
  const auto schedule = test::make_schedule("fixed", {}, {0.1, 0.2});
  schedule->begin_epoch(30);
  EXPECT_DOUBLE_EQ(schedule->lr(0), 0.2);
}

TEST(Fixed, KeepsItsRateInCheckpoints) {
  const auto schedule = test::make_schedule("fixed", {}, {0.1, 0.2}),
             resumed = test::make_schedule("fixed", {}, {0.1});
  schedule->begin_epoch(2);
  resumed->restore(schedule->state());
  EXPECT_DOUBLE_EQ(resumed->lr(0), 0.2);
}

}  // namespace
}  // namespace nopos
