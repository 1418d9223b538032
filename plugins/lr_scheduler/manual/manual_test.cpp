#include "lr_table.h"

namespace nopos {
namespace {

TEST(Manual, HoldsAKeysRateUntilTheNext) {
  const auto schedule =
      test::make_schedule("manual", {{"update2lr", R"({"10-12": 0.2, '20,30': '5e-2', 25: 0.5})"}}, {0.1});
  for (int n = 0; n < 50; ++n) {
    const double expected = n < 10 ? 0.1 : n < 20 ? 0.2 : n < 25 ? 0.05 : n < 30 ? 0.5 : 0.05;
    EXPECT_EQ(schedule->lr(n), expected) << n;
  }
}

TEST(Manual, PutsUpdatesBeforeEpochs) {
  const auto schedule = test::make_schedule(
      "manual", {{"epoch2lr", "{'2-3': 0.2, '5': 0.01}"}, {"update2lr", "{'100': 0.7}"}}, {0.1});
  for (const auto& [epoch, rate] :
       std::map<int, double>{{1, 0.1}, {2, 0.2}, {4, 0.2}, {5, 0.01}, {9, 0.01}}) {
    schedule->begin_epoch(epoch);
    EXPECT_EQ(schedule->lr(99), rate) << "epoch " << epoch;
    EXPECT_EQ(schedule->lr(100), 0.7) << "epoch " << epoch;
  }
}

TEST(Manual, TakesTheLaterOfTwoRatesForANumber) {
  const auto schedule = test::make_schedule("manual", {{"update2lr", "{'0-9': 0.2, '5': 0.5}"}}, {0.1});
  test::expect_rates(*schedule, {{4, 0.2}, {5, 0.5}, {6, 0.2}});
}

TEST(Manual, KeepsTheRateOfTheEpochInCheckpoints) {
  const Settings settings{{"epoch2lr", "{'2': 0.2}"}};
  const auto schedule = test::make_schedule("manual", settings, {0.1}),
             resumed = test::make_schedule("manual", settings, {0.1});
  schedule->begin_epoch(2);
  resumed->restore(schedule->state());
  EXPECT_EQ(resumed->lr(0), 0.2);
}

TEST(Manual, RefusesWhatIsNoDictionaryOfRates) {
  struct Row {
    std::string text, part;
  };
  for (const auto& [text, part] : {Row{"1: 0.1", "not a dictionary in braces"},
                                   {"{1: 0.1, two: 0.2}", "cannot be parsed from two: 0.2 on"},
                                   {"{'1-': 0.1}", "'1-' is not a range"},
                                   {"{'1-9000000': 0.1}", "at most a million"},
                                   {"{'1': 0.1.2}", "'0.1.2' is not a number"},
                                   {"{'1': __import__('os')}", "cannot be parsed from"}}) {
    test::expect_refusal("manual", {{"epoch2lr", text}}, {0.1}, part);
    test::expect_refusal("manual", {{"update2lr", text}}, {0.1}, part);
  }
}

}  // namespace
}  // namespace nopos
