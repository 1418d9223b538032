#include "model/ema.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace nopos::engine {
namespace {

/// One weight under two names, and a buffer that is none.
class Tied final : public Architecture {
 public:
  Tied() {
    weight = register_parameter("weight", at::ones({3}));
    register_parameter("tied", weight);
    register_buffer("version", at::full({1}, 3.0));
  }
  at::Tensor features(const Batch&, const ForwardOptions&) override { return weight; }
  OutputHead& head() override { throw std::logic_error("unused"); }
  std::int64_t max_positions() const override { return 8; }
  void set(double value) { weight.detach().fill_(value); }
  at::Tensor weight;
};

double average(Ema& ema) {
  const auto& weights = ema.state().weights;
  EXPECT_EQ(weights.size(), 3U);
  EXPECT_TRUE(weights[0].second.is_same(weights[1].second));
  EXPECT_EQ(weights[2].second.item<double>(), 3);
  return weights[0].second[1].item<double>();
}

TEST(Ema, KeepsItsShareAndTakesTheRest) {
  Tied model;
  Ema ema({.store_ema = true, .ema_decay = 0.75}, model, at::kFloat);
  EXPECT_EQ(average(ema), 1);
  model.set(5);
  ema.step(model, 1);
  EXPECT_EQ(average(ema), 0.75 * 1 + 0.25 * 5);
  ema.step(model, 2);
  EXPECT_EQ(average(ema), 0.75 * 2 + 0.25 * 5);
  EXPECT_EQ(ema.decay(), 0.75);
}

TEST(Ema, IsTheWeightsBeforeItsStart) {
  Tied model;
  Ema ema({.store_ema = true, .ema_decay = 0.5, .ema_start_update = 3}, model, at::kFloat);
  for (const int update : {1, 2}) {
    model.set(update);
    ema.step(model, update);
    EXPECT_EQ(average(ema), update);
    EXPECT_EQ(ema.decay(), 0);
  }
  model.set(4);
  ema.step(model, 3);
  EXPECT_EQ(average(ema), 3);
}

TEST(Ema, StepsEveryFewUpdates) {
  Tied model;
  Ema ema({.store_ema = true, .ema_decay = 0.5, .ema_update_freq = 3}, model, at::kFloat);
  model.set(3);
  ema.step(model, 1);
  ema.step(model, 2);
  EXPECT_EQ(average(ema), 1);
  EXPECT_EQ(ema.state().updates_since_step, 2);
  ema.step(model, 3);
  EXPECT_EQ(average(ema), 2);
  EXPECT_EQ(ema.state().updates_since_step, 0);
}

// 1 + 2^-9 is no number of bfloat16: without float32 the average stands still.
TEST(Ema, MovesInSmallStepsInFloat32) {
  for (const bool in_float : {false, true}) {
    Tied model;
    Ema ema({.store_ema = true, .ema_decay = 1 - 0x1p-9, .ema_fp32 = in_float}, model, at::kBFloat16);
    model.set(2);
    for (int update = 1; update <= 8; ++update) ema.step(model, update);
    EXPECT_EQ(ema.state().weights[0].second.scalar_type(), at::kBFloat16);
    EXPECT_EQ(average(ema), in_float ? 1.015625 : 1);
    EXPECT_EQ(ema.state().in_float.empty(), !in_float);
  }
}

}  // namespace
}  // namespace nopos::engine
