#include "loss_scale.h"

#include <gtest/gtest.h>

#include <set>

#include "nopos/error.h"

namespace nopos::engine {
namespace {

CommonOptions fp16() {
  CommonOptions common;
  common.fp16 = true;
  return common;
}

/// The scale after each of `steps` updates, of which those in `overflows` overflow.
std::vector<double> trace(LossScale& scale, int steps, const std::set<int>& overflows) {
  std::vector<double> values;
  for (int step = 0; step < steps; ++step) {
    if (overflows.contains(step)) {
      scale.overflowed();
    } else {
      scale.succeeded();
    }
    values.push_back(scale.value());
  }
  return values;
}

// Behavioural specification, §3.14.
TEST(LossScale, FollowsTheReferencesTrace) {
  CommonOptions common = fp16();
  common.fp16_scale_window = 4;
  const auto scale = make_loss_scale(common, {1});
  EXPECT_EQ(scale->value(), 128);
  EXPECT_EQ(trace(*scale, 14, {5, 6}),
            (std::vector<double>{128, 128, 128, 256, 256, 128, 64, 64, 64, 64, 128, 128, 128, 128}));
}

TEST(LossScale, WindowIsOfBatches) {
  const auto after = [](const CommonOptions& common, std::int64_t update_freq, int steps) {
    const auto scale = make_loss_scale(common, {update_freq});
    for (int step = 0; step < steps; ++step) scale->succeeded();
    return scale->value();
  };
  EXPECT_EQ(after(fp16(), 1, 16383), 128);
  EXPECT_EQ(after(fp16(), 1, 16384), 256);
  EXPECT_EQ(after(fp16(), 16, 1023), 128);
  EXPECT_EQ(after(fp16(), 16, 1024), 256);
  EXPECT_THROW(make_loss_scale(fp16(), {1, 2}), Error);
}

// Overflows since the last change, as a share of the updates since then, must reach the tolerance.
TEST(LossScale, ToleratesAShareOfOverflows) {
  CommonOptions common = fp16();
  common.fp16_scale_window = 1000;
  common.fp16_scale_tolerance = 0.5;
  // 1 of 3; 2 of 4: halved; 1 of 2 since then: halved; 1 of 1: halved
  EXPECT_EQ(trace(*make_loss_scale(common, {1}), 7, {2, 3, 5, 6}),
            (std::vector<double>{128, 128, 128, 64, 64, 32, 16}));
}

TEST(LossScale, StaysAtItsThreshold) {
  CommonOptions common = fp16();
  common.threshold_loss_scale = 48;
  EXPECT_EQ(trace(*make_loss_scale(common, {1}), 3, {0, 1, 2}), (std::vector<double>{64, 48, 48}));
}

TEST(LossScale, EndsAtItsSmallest) {
  CommonOptions common = fp16();
  common.min_loss_scale = 32;
  for (const bool amp : {false, true}) {
    common.fp16 = !amp, common.amp = amp;
    const auto scale = make_loss_scale(common, {1});
    EXPECT_NE(scale->overflowed().find("setting "), std::string::npos);
    EXPECT_EQ(scale->value(), 64);
    try {
      scale->overflowed();
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::runtime);
      EXPECT_EQ(std::string(error.what()),
                std::string(amp ? "AMP: " : "") +
                    "Minimum loss scale reached (32.0). Your loss is probably exploding. Try lowering the "
                    "learning rate, using gradient clipping or increasing the batch size.");
    }
    EXPECT_EQ(scale->value(), 64);
  }
}

TEST(LossScale, OfMixedPrecisionCountsUpdatesSinceTheLastChange) {
  CommonOptions common;
  common.amp = true;
  common.amp_scale_window = 3;
  EXPECT_EQ(trace(*make_loss_scale(common, {1}), 9, {4}),
            (std::vector<double>{128, 128, 256, 256, 128, 128, 128, 256, 256}));
}

TEST(LossScale, GoesOnFromItsState) {
  CommonOptions common = fp16();
  common.fp16_scale_window = 3;
  common.fp16_scale_tolerance = 0.4;
  const std::set<int> overflows{2, 4, 9, 10, 13};
  for (const bool amp : {false, true}) {
    common.fp16 = !amp, common.amp = amp;
    const std::vector<double> whole = trace(*make_loss_scale(common, {1}), 16, overflows);
    for (int stop = 0; stop <= 16; ++stop) {
      const auto first = make_loss_scale(common, {1}), second = make_loss_scale(common, {1});
      std::vector<double> values = trace(*first, stop, overflows);
      second->restore(first->state());
      std::set<int> rest;
      for (const int overflow : overflows) rest.insert(overflow - stop);
      for (const double value : trace(*second, 16 - stop, rest)) values.push_back(value);
      EXPECT_EQ(values, whole) << stop;
    }
  }
}

TEST(LossScale, IsAbsentInOtherPrecisions) {
  CommonOptions common;
  EXPECT_EQ(make_loss_scale(common, {1}), nullptr);
  common.bf16 = true;
  EXPECT_EQ(make_loss_scale(common, {1, 2}), nullptr);
}

}  // namespace
}  // namespace nopos::engine
