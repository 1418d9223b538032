#include "train/metric_recorder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace nopos::engine {
namespace {

double figure(const Meters& meters, const std::string& name) {
  for (const auto& [key, value] : meters.smoothed()) {
    if (key == name) return value;
  }
  ADD_FAILURE() << "no " << name;
  return 0;
}

Batch batch(std::int64_t tokens, std::int64_t sentences) {
  Batch batch;
  batch.num_tokens = tokens;
  batch.num_sentences = sentences;
  return batch;
}

TEST(MetricRecorder, AveragesOverTheSampleSizesOfAllBatches) {
  Meters interval, epoch;
  MetricRecorder recorder({&interval, &epoch}, language_model_metrics(false));
  recorder.add({.loss = at::tensor(30.0), .sample_size = 10}, batch(10, 2));
  recorder.add({.loss = at::tensor(50.0), .sample_size = 30}, batch(30, 4));  // the same update
  recorder.finish_step();
  recorder.add({.loss = at::tensor(100.0), .sample_size = 20}, batch(20, 6));
  recorder.finish_step();
  recorder.flush();
  for (const Meters* meters : {&interval, &epoch}) {
    EXPECT_EQ(figure(*meters, "loss"), rounded(180 / 60.0 / std::log(2.0), 3));
    EXPECT_EQ(figure(*meters, "ppl"), rounded(std::exp2(180 / 60.0 / std::log(2.0)), 2));
    EXPECT_EQ(figure(*meters, "wpb"), 30);
    EXPECT_EQ(figure(*meters, "bsz"), 6);
  }
  interval.reset();
  recorder.add({.loss = at::tensor(8.0), .sample_size = 4}, batch(4, 1));
  recorder.finish_step();
  recorder.flush();
  EXPECT_EQ(figure(interval, "loss"), rounded(2 / std::log(2.0), 3));
  EXPECT_EQ(figure(epoch, "loss"), rounded(188 / 64.0 / std::log(2.0), 3));
}

TEST(MetricRecorder, PerSentenceLossesHaveAPerplexityPerToken) {
  Meters meters;
  MetricRecorder recorder({&meters}, language_model_metrics(true));
  recorder.add({.loss = at::tensor(60.0), .sample_size = 2}, batch(20, 2));
  recorder.finish_step();
  recorder.flush();
  EXPECT_EQ(figure(meters, "loss"), rounded(30 / std::log(2.0), 3));
  EXPECT_EQ(figure(meters, "nll_loss"), rounded(3 / std::log(2.0), 3));
  EXPECT_EQ(figure(meters, "ppl"), rounded(std::exp(3.0), 2));
}

TEST(MetricRecorder, CriteriaLogSumsOfTheirOwn) {
  Meters meters;
  const Metric accuracy{.name = "accuracy", .numerator = "n_correct", .denominator = "total", .scale = 100};
  MetricRecorder recorder({&meters}, {accuracy});
  for (const double correct : {3.0, 4.0}) {
    recorder.add({.loss = at::tensor(1.0),
                  .sample_size = 1,
                  .sums = {{"n_correct", at::tensor(correct)}, {"total", at::tensor(10.0)}}},
                 batch(10, 1));
    recorder.finish_step();
  }
  recorder.flush();
  EXPECT_EQ(figure(meters, "accuracy"), 35);
}

}  // namespace
}  // namespace nopos::engine
