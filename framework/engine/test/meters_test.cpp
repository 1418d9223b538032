#include "train/meters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nopos/error.h"

namespace nopos::engine {
namespace {

std::vector<std::string> names(const Meters& meters) {
  std::vector<std::string> names;
  for (const auto& [name, value] : meters.smoothed()) names.push_back(name);
  return names;
}

TEST(Rounded, TiesGoToEvenOfTheExactValue) {
  // What Python prints for round(x, n).
  EXPECT_EQ(rounded(0.5, 0), 0.0);
  EXPECT_EQ(rounded(1.5, 0), 2.0);
  EXPECT_EQ(rounded(2.5, 0), 2.0);
  EXPECT_EQ(rounded(2.675, 2), 2.67);  // the double lies below 2.675
  EXPECT_EQ(rounded(7.8764999, 3), 7.876);
  EXPECT_EQ(rounded(7.8764999, {}), 7.8764999);
  EXPECT_TRUE(std::isinf(rounded(std::numeric_limits<double>::infinity(), 2)));
}

TEST(Meters, ScalarsAreWeightedAverages) {
  Meters meters;
  meters.scalar("loss", 8, 3, 10, 3);
  meters.scalar("loss", 4, 1, 10, 3);
  EXPECT_EQ(meters.smoothed(), (Stats{{"loss", 7.0}}));
  meters.reset();
  meters.scalar("loss", 5, 2, 10, 3);
  EXPECT_EQ(meters.smoothed(), (Stats{{"loss", 5.0}}));
}

TEST(Meters, WithoutWeightOnlyTheLatestValueCounts) {
  Meters meters;
  meters.scalar("lr", 0.1, 0, 300, {});
  meters.scalar("lr", 0.2, 0, 300, {});
  EXPECT_EQ(meters.smoothed(), (Stats{{"lr", 0.2}}));
}

TEST(Meters, ReadingsAreNotRoundedAndTheLogIs) {
  Meters meters;
  meters.scalar("loss", 6.7794321, 10, 10, 3);
  meters.perplexity("ppl", "loss", 20, 2);
  meters.scalar("lr", 0.00123456, 0, 300, {});
  const Readings readings = meters.readings();
  ASSERT_EQ(readings.size(), 3u);
  EXPECT_DOUBLE_EQ(readings[0].value, 6.7794321);
  EXPECT_NEAR(readings[1].value, std::exp2(6.7794321), 1e-9);
  EXPECT_EQ(logged(readings), (Stats{{"loss", 6.779}, {"ppl", 109.85}, {"lr", 0.00123456}}));
}

TEST(Meters, PerplexityComesFromTheUnroundedAverage) {
  Meters meters;
  meters.perplexity("ppl", "loss", 20, 2);
  EXPECT_TRUE(meters.smoothed().empty());
  meters.scalar("loss", 6.7794, 10, 10, 3);
  EXPECT_EQ(meters.smoothed(), (Stats{{"loss", 6.779}, {"ppl", rounded(std::exp2(6.7794), 2)}}));
  meters.scalar("loss", 5000, 1e6, 10, 3);
  EXPECT_TRUE(std::isinf(meters.smoothed()[1].second));
}

TEST(Meters, OrderIsByPriorityThenByFirstUse) {
  Meters meters;
  meters.scalar("gnorm", 1, 1, 400, 3);
  meters.scalar("loss", 1, 1, 10, 3);
  meters.scalar("wpb", 1, 1, 180, 1);
  meters.scalar("nll_loss", 1, 1, 10, 3);
  meters.perplexity("ppl", "nll_loss", 20, 2);
  EXPECT_EQ(names(meters), (std::vector<std::string>{"loss", "nll_loss", "ppl", "wpb", "gnorm"}));
}

TEST(Meters, TheFirstEventOfASpeedOnlyStartsItsClock) {
  Meters meters;
  meters.speed("wps", 1e6, 90, 1);
  EXPECT_EQ(meters.smoothed(), (Stats{{"wps", 0.0}}));
  meters.speed("wps", 1e6, 90, 1);
  EXPECT_GT(meters.smoothed()[0].second, 0);
}

TEST(Meters, StopwatchesAddUpDurations) {
  Meters meters;
  meters.start("train_wall", 800, {});
  meters.stop("train_wall");
  const double once = meters.smoothed()[0].second;
  meters.start("train_wall", 800, {});
  meters.stop("train_wall");
  EXPECT_GT(meters.smoothed()[0].second, once);
}

TEST(Meters, StateSurvivesACheckpoint) {
  Meters before;
  before.scalar("loss", 7.5, 4, 10, 3);
  before.scalar("lr", 1e-4, 0, 300, {});
  before.start("train_wall", 800, 0);
  before.stop("train_wall");
  before.speed("ups", 1, 100, 2);
  Meters after;
  after.scalar("gone", 1, 1, 10, 3);
  after.perplexity("ppl", "loss", 20, 2);
  after.restore(before.state());
  EXPECT_EQ(names(after), (std::vector<std::string>{"loss", "ppl", "ups", "lr", "train_wall"}));
  after.scalar("loss", 3.5, 4, 10, 3);
  EXPECT_EQ(after.smoothed()[0].second, 5.5);

  const MeterState loss = before.state()[0];
  EXPECT_EQ(loss.type, "AverageMeter");
  EXPECT_EQ(loss.fields, (std::vector<std::pair<std::string, Value>>{
                             {"val", 7.5}, {"sum", 30.0}, {"count", 4.0}, {"round", std::int64_t{3}}}));
  EXPECT_EQ(before.state()[1].type, "TimeMeter");
  EXPECT_EQ(before.state()[3].type, "StopwatchMeter");
}

TEST(Meters, AnUnknownClassOfACheckpointIsNamed) {
  Meters meters;
  try {
    meters.restore({{"x", 1, "MadeUpMeter", {}}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::data);
    EXPECT_NE(std::string(error.what()).find("MadeUpMeter"), std::string::npos);
  }
}

}  // namespace
}  // namespace nopos::engine
