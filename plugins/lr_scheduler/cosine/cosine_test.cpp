#include "lr_table.h"

namespace nopos {
namespace {

const Settings wikitext103{
    {"warmup-updates", std::int64_t{16000}}, {"warmup-init-lr", 1e-7}, {"min-lr", 1e-4}, {"t-mult", 2.0},
    {"lr-period-updates", 270000.0},         {"lr-shrink", 0.75}};

TEST(Cosine, GivesTheReferencesRatesForWikiText103) {
  test::expect_rates(*test::make_schedule("cosine", wikitext103, {1.0}), {{0, 1e-7},
                                                                          {1, 6.259999375e-05},
                                                                          {8000, 0.50000005},
                                                                          {15999, 0.9999375},
                                                                          {16000, 1},
                                                                          {151000, 0.50005},
                                                                          {285999, 1.000000338e-04},
                                                                          {286000, 0.75},
                                                                          {386000, 0.6883140985},
                                                                          {826000, 0.5625}});
}

TEST(Cosine, GivesTheReferencesRatesForPeriodsOfEqualLength) {
  test::expect_rates(*test::make_schedule("cosine", {{"lr-period-updates", 100.0}}, {0.1}),
                     {{0, 0.1}, {50, 0.05}, {99, 2.467198171e-05}, {100, 0.01}, {150, 0.005}, {250, 0.0005}});
}

TEST(Cosine, LastsFromTheWarmUpToMaxUpdateByDefault) {
  const auto schedule =
      test::make_schedule("cosine", {{"warmup-updates", std::int64_t{10}}}, {0.4}, /*max_update=*/30);
  test::expect_rates(*schedule, {{0, 0}, {5, 0.2}, {10, 0.4}, {20, 0.2}, {30, 0.04}});
}

TEST(Cosine, RefusesWhatDescribesNoSchedule) {
  const Settings period{{"lr-period-updates", 100.0}};
  test::expect_refusal("cosine", {{"lr-period-updates", 100.0}, {"min-lr", 0.5}}, {0.5},
                       "so --lr (0.5) must be more than --min-lr (0.5)");
  test::expect_refusal("cosine", period, {0.5, 0.25}, "was given 0.5,0.25");
  test::expect_refusal("cosine", {}, {0.5}, "a --max-update (here 0) above --warmup-updates (here 0)");
  test::expect_refusal("cosine", {{"lr-period-updates", 100.0}, {"t-mult", 0.0}}, {0.5}, "above 0");
}

TEST(Cosine, SaysWhereEverShorterPeriodsEnd) {
  const auto schedule = test::make_schedule("cosine", {{"lr-period-updates", 100.0}, {"t-mult", 0.5}}, {0.5});
  EXPECT_GT(schedule->lr(199), 0);
  EXPECT_THROW(schedule->lr(200), Error);  // 100 + 50 + 25 + ... = 200
}

TEST(Cosine, KeepsTheBestValidationLoss) {
  const auto schedule = test::make_schedule("cosine", wikitext103, {1.0});
  EXPECT_TRUE(schedule->state().empty());
  for (const double loss : {3.0, 2.0, 2.5}) schedule->end_epoch(1, 10, loss);
  EXPECT_EQ(schedule->state(), (std::map<std::string, double>{{"best", 2.0}}));
}

}  // namespace
}  // namespace nopos
