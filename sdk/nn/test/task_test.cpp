/// The training step that a task has if it does not bring its own.

#include "nopos/task.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace nopos {
namespace {

struct NoData final : Task {
  const Dictionary& dictionary() const override { return words; }
  std::shared_ptr<Dataset> load(const std::string&, std::int64_t, bool) override { return nullptr; }
  std::int64_t tokens_per_sample() const override { return 1; }
  Dictionary words;
};

struct Weight final : Architecture {
  Weight() { value = register_parameter("value", at::tensor({3.0F})); }
  at::Tensor features(const Batch&, const ForwardOptions&) override { return value; }
  OutputHead& head() override { throw std::logic_error("unused"); }
  std::int64_t max_positions() const override { return 1; }
  at::Tensor value;
};

struct Square final : Criterion {
  CriterionResult forward(Architecture& model, const Batch& batch) override {
    return {.loss = model.features(batch, {}).square().sum(), .sample_size = 1};
  }
  std::vector<Metric> metrics() const override { return {}; }
};

TEST(TaskStep, ScalesGradientsAndNotTheLoss) {
  NoData task;
  Weight model;
  Square criterion;
  const CriterionResult first = task.step(model, criterion, {}, {.training = true, .loss_scale = 128});
  EXPECT_EQ(first.loss.item<float>(), 9);
  EXPECT_FALSE(first.loss.requires_grad());
  EXPECT_EQ(model.value.grad().item<float>(), 6 * 128);
  task.step(model, criterion, {}, {.training = true});
  EXPECT_EQ(model.value.grad().item<float>(), 6 * 129);  // they accumulate
}

TEST(TaskStep, ComputesNoGradientsInValidation) {
  NoData task;
  Weight model;
  Square criterion;
  EXPECT_EQ(task.step(model, criterion, {}, {}).loss.item<float>(), 9);
  EXPECT_FALSE(model.value.grad().defined());
}

TEST(Task, HasNoBlockLengthToChangeUnlessItSaysSo) {
  NoData task;
  EXPECT_FALSE(task.set_tokens_per_sample(64));
  EXPECT_FALSE(task.adds_bos());
  EXPECT_EQ(task.data_name(), "");
}

}  // namespace
}  // namespace nopos
