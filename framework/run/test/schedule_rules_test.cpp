#include "schedule_rules.h"

#include <gtest/gtest.h>

namespace nopos::engine {
namespace {

/// One moment of a run, the options that differ from their defaults, and what is decided.
struct Case {
  const char* what;
  Standing at;
  void (*set)(OptimizationOptions&, DatasetOptions&, CheckpointOptions&);
  bool validate, save, stop;
};

const Case cases[] = {
    {"nothing within an epoch", {7, 1}, [](auto&, auto&, auto&) {}, false, false, false},
    {"both at the end of an epoch", {29, 1, true}, [](auto&, auto&, auto&) {}, true, true, false},
    {"the last update", {30, 2}, [](auto& o, auto&, auto&) { o.max_update = 30; }, true, true, true},
    {"more than the last update",
     {31, 2},
     [](auto& o, auto&, auto&) { o.max_update = 30; },
     true,
     true,
     true},
    {"too much time",
     {5, 1, false, 2.1},
     [](auto& o, auto&, auto&) { o.stop_time_hours = 2; },
     true,
     true,
     true},
    {"just enough time",
     {5, 1, false, 2},
     [](auto& o, auto&, auto&) { o.stop_time_hours = 2; },
     false,
     false,
     false},
    {"an interval of saving validates too",
     {10, 1},
     [](auto&, auto&, auto& c) { c.save_interval_updates = 10; },
     true,
     true,
     false},
    {"an interval of validating does not save",
     {10, 1},
     [](auto&, auto& d, auto&) { d.validate_interval_updates = 5; },
     true,
     false,
     false},
    {"between two intervals",
     {9, 1},
     [](auto&, auto& d, auto&) { d.validate_interval_updates = 5; },
     false,
     false,
     false},
    {"epochs between validations",
     {29, 1, true},
     [](auto&, auto& d, auto&) { d.validate_interval = 2; },
     false,
     true,
     false},
    {"epochs between checkpoints",
     {29, 1, true},
     [](auto&, auto&, auto& c) { c.save_interval = 2; },
     true,
     false,
     false},
    {"the second epoch",
     {58, 2, true},
     [](auto&, auto&, auto& c) { c.save_interval = 2; },
     true,
     true,
     false},
    {"no validation wanted",
     {30, 2},
     [](auto& o, auto& d, auto&) {
       o.max_update = 30;
       d.disable_validation = true;
     },
     false,
     true,
     true},
    {"too early to validate",
     {29, 1, true},
     [](auto&, auto& d, auto&) { d.validate_after_updates = 30; },
     false,
     true,
     false},
    {"too early for an interval of saving",
     {10, 1},
     [](auto&, auto& d, auto& c) {
       d.validate_after_updates = 11;
       c.save_interval_updates = 5;
     },
     false,
     false,
     false},
};

TEST(Decide, FollowsTheReference) {
  for (const Case& example : cases) {
    OptimizationOptions optimization;
    DatasetOptions dataset;
    CheckpointOptions checkpoint;
    example.set(optimization, dataset, checkpoint);
    const Decision decision = decide(example.at, optimization, dataset, checkpoint);
    EXPECT_EQ(decision.validate, example.validate) << example.what;
    EXPECT_EQ(decision.save, example.save) << example.what;
    EXPECT_EQ(!decision.stop.empty(), example.stop) << example.what;
  }
}

TEST(Decide, SaysWhyItStops) {
  EXPECT_EQ(decide({30, 2}, {.max_update = 30}, {}, {}).stop,
            "Stopping training due to num_updates: 30 >= max_update: 30");
}

CheckpointOptions patience_of(std::int64_t validations, bool maximize) {
  CheckpointOptions options;
  options.patience = validations;
  options.maximize_best_checkpoint_metric = maximize;
  return options;
}

TEST(Patience, CountsValidationsWithoutStrictImprovement) {
  Patience patience(patience_of(2, false));
  for (const std::optional<double> loss : {std::optional(7.0), std::optional(7.0), std::optional(6.9),
                                           std::optional<double>(), std::optional(6.95)}) {
    EXPECT_EQ(patience.stop_after(loss), "");
  }
  EXPECT_EQ(patience.stop_after(6.9), "early stop since valid performance hasn't improved for last 2 runs");
}

TEST(Patience, MayWaitForALargerValue) {
  Patience patience(patience_of(1, true));
  EXPECT_EQ(patience.stop_after(1), "");
  EXPECT_EQ(patience.stop_after(2), "");
  EXPECT_NE(patience.stop_after(1.5), "");
}

TEST(Patience, IsEndlessByDefault) {
  Patience patience(CheckpointOptions{});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(patience.stop_after(7), "");
}

}  // namespace
}  // namespace nopos::engine
