#include "train/trainer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "nopos/error.h"

namespace nopos::engine {
namespace {

/// One weight of two numbers.
class Pair final : public Architecture {
 public:
  Pair() { weight = register_parameter("weight", at::zeros({2})); }
  at::Tensor features(const Batch&, const ForwardOptions&) override { return weight; }
  OutputHead& head() override { throw std::logic_error("unused"); }
  std::int64_t max_positions() const override { return 8; }
  at::Tensor weight;
};

/// The gradient of a batch is its first two tokens, its sample size the third.
class GradientsFromTokens final : public Task {
 public:
  const Dictionary& dictionary() const override { return dictionary_; }
  std::shared_ptr<Dataset> load(const std::string&, std::int64_t, bool) override { return nullptr; }
  std::int64_t tokens_per_sample() const override { return 8; }
  CriterionResult step(Architecture& model, Criterion&, const Batch& batch, const Step& step) override {
    const at::Tensor numbers = batch.tokens.flatten().to(at::kFloat);
    if (step.training) {
      at::Tensor& grad = dynamic_cast<Pair&>(model).weight.mutable_grad();
      const at::Tensor mine = numbers.narrow(0, 0, 2) * (seeds.size() + 1 < finite_from ? scale : 1);
      grad = grad.defined() ? grad + mine : mine.clone();
    }
    seeds.push_back(at::rand({1}).item<double>());
    loss_scales.push_back(step.loss_scale);
    updates.push_back(step.update);
    return {.loss = at::tensor(1.0), .sample_size = numbers[2].item<double>()};
  }
  double scale = 1;
  std::size_t finite_from = 1000;  // steps from this one on ignore the scale
  std::vector<double> seeds;       // first random number of each step
  std::vector<double> loss_scales;
  std::vector<std::int64_t> updates;

 private:
  Dictionary dictionary_;
};

class NoCriterion final : public Criterion {
 public:
  CriterionResult forward(Architecture&, const Batch&) override { return {}; }
  std::vector<Metric> metrics() const override { return language_model_metrics(false); }
};

/// Subtracts the gradient as it is.
class Plain final : public Optimizer {
 public:
  std::vector<std::string> state_names() const override { return {}; }
  void begin_update(double lr) override { rates.push_back(lr); }
  void update(const Chunk& chunk) const override {
    for (std::int64_t i = 0; i < chunk.size; ++i) chunk.value[i] -= chunk.grad[i] * chunk.grad_scale;
  }
  std::vector<std::pair<std::string, Value>> group() const override { return {}; }
  std::vector<double> rates;
};

class Rising final : public LRScheduler {
 public:
  double lr(std::int64_t num_updates) const override { return static_cast<double>(num_updates); }
};

TokenBatch batch(std::vector<std::int64_t> numbers) {
  TokenBatch batch;
  batch.rows = 1, batch.columns = static_cast<std::int64_t>(numbers.size());
  batch.num_tokens = batch.columns;
  batch.tokens = std::move(numbers);
  return batch;
}

class TrainerTest : public testing::Test {
 protected:
  TrainerTest() {
    parts.task = task;
    parts.model = model;
    parts.criterion = std::make_shared<NoCriterion>();
    parts.optimizer = optimizer;
    parts.lr_scheduler = std::make_shared<Rising>();
    parts.slab = std::make_unique<ParameterSlab>(
        std::vector<std::pair<std::string, at::Tensor>>{{"weight", model->weight}},
        std::vector<std::string>{});
  }
  void expect_weight(double first, double second) const {
    EXPECT_TRUE(at::allclose(model->weight, at::tensor({first, second}, at::kFloat))) << model->weight;
  }

  std::shared_ptr<Pair> model = std::make_shared<Pair>();
  std::shared_ptr<GradientsFromTokens> task = std::make_shared<GradientsFromTokens>();
  std::shared_ptr<Plain> optimizer = std::make_shared<Plain>();
  Components parts;
};

TEST_F(TrainerTest, DividesTheGradientsOfAGroupByItsSampleSizes) {
  Trainer trainer(parts, {}, {});
  trainer.train_step({batch({3, 5, 1}), batch({1, 3, 3})});
  expect_weight(-1, -2);
  trainer.train_step({batch({4, 8, 4})});  // gradients of the update before are gone
  expect_weight(-2, -4);
}

TEST_F(TrainerTest, WithoutSamplesGradientsStayAsTheyAre) {
  Trainer trainer(parts, {}, {});
  trainer.train_step({batch({3, 5, 0})});
  expect_weight(-3, -5);
}

TEST_F(TrainerTest, UpdateNUsesTheRateAfterNMinusOne) {
  Trainer trainer(parts, {}, {});
  for (int i = 0; i < 3; ++i) trainer.train_step({batch({0, 0, 1})});
  EXPECT_EQ(optimizer->rates, (std::vector<double>{0, 1, 2}));
  EXPECT_EQ(trainer.lr(), 3);
}

TEST_F(TrainerTest, SeedsEveryUpdateByItsNumber) {
  CommonOptions common;
  common.seed = 5;
  Trainer trainer(parts, common, {});
  trainer.train_step({batch({0, 0, 1})});
  trainer.train_step({batch({0, 0, 1}), batch({0, 0, 1})});
  trainer.set_num_updates(1);
  trainer.train_step({batch({0, 0, 1})});
  EXPECT_NE(task->seeds[0], task->seeds[1]);
  EXPECT_NE(task->seeds[1], task->seeds[2]);
  EXPECT_EQ(task->seeds[1], task->seeds[3]);
  at::manual_seed(6);
  EXPECT_EQ(task->seeds[1], at::rand({1}).item<double>());
}

TEST_F(TrainerTest, ClipsAndLogsTheNormBefore) {
  Trainer trainer(parts, {}, {.clip_norm = 0.1});
  trainer.train_step({batch({3, 4, 1})});
  expect_weight(-0.06, -0.08);
  const Stats stats = logged(trainer.readings("train_inner"));
  const auto figure = [&](const std::string& name) {
    for (const auto& [key, value] : stats) {
      if (key == name) return value;
    }
    return -1.0;
  };
  EXPECT_EQ(figure("gnorm"), 5);
  EXPECT_EQ(figure("clip"), 100);
}

TEST_F(TrainerTest, AGradientThatIsNotFiniteUpdatesNothingAndIsNamed) {
  Trainer trainer(parts, {}, {});
  task->scale = std::numeric_limits<double>::infinity();
  try {
    trainer.train_step({batch({1, 1, 1})});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::runtime);
    EXPECT_NE(std::string(error.what()).find("update 1"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("affected parameter is weight"), std::string::npos);
  }
  expect_weight(0, 0);
  EXPECT_EQ(trainer.num_updates(), 0);
}

TEST_F(TrainerTest, AnOverflowUnderAScaledLossUpdatesAndCountsNothing) {
  CommonOptions common;
  common.fp16 = true;
  parts.loss_scale = make_loss_scale(common, {1});
  Trainer trainer(parts, common, {.clip_norm = 1});
  EXPECT_TRUE(trainer.train_step({batch({64, 0, 1})}));  // 128 times 0.5
  EXPECT_EQ(trainer.num_updates(), 1);
  expect_weight(-0.5, 0);
  task->scale = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(trainer.train_step({batch({1, 1, 1})}));
  EXPECT_EQ(trainer.num_updates(), 1);
  EXPECT_EQ(trainer.lr(), 1);
  expect_weight(-0.5, 0);
  task->scale = 1;
  EXPECT_TRUE(trainer.train_step({batch({0, 128, 1})}));  // 64 times 2, clipped to 1
  expect_weight(-0.5, -1);
  std::map<std::string, double> figures;
  for (const auto& [name, value] : logged(trainer.readings("train_inner"))) figures[name] = value;
  EXPECT_EQ(figures.at("gnorm"), 1.25);  // the mean of two updates
  EXPECT_EQ(figures.at("loss_scale"), 64);
  EXPECT_EQ(figures.at("wpb"), 3);
  EXPECT_EQ(task->loss_scales, (std::vector<double>{128, 128, 64}));
}

TEST_F(TrainerTest, MixedPrecisionTriesABatchAgainWithASmallerScale) {
  CommonOptions common;
  common.amp = true;
  common.amp_batch_retries = 3;
  parts.loss_scale = make_loss_scale(common, {1});
  Trainer trainer(parts, common, {});
  task->scale = std::numeric_limits<double>::infinity();
  task->finite_from = 3;  // the third try
  EXPECT_TRUE(trainer.train_step({batch({32, 0, 1})}));
  expect_weight(-1, 0);
  EXPECT_EQ(task->seeds.size(), 3);
  task->finite_from = 1000;
  EXPECT_FALSE(trainer.train_step({batch({32, 0, 1})}));
  EXPECT_EQ(task->seeds.size(), 7);
  EXPECT_EQ(trainer.num_updates(), 1);
  EXPECT_EQ(parts.loss_scale->value(), 2);
}

TEST(ClipFactor, IsOneBelowTheLimitAndWithoutOne) {
  EXPECT_NEAR(clip_factor(5, 0.1), 0.02, 1e-8);
  EXPECT_EQ(clip_factor(0.05, 0.1), 1);
  EXPECT_EQ(clip_factor(5, 0), 1);
  EXPECT_EQ(clip_factor(5, 0.1, /*scaled=*/true), 0.02);
}

}  // namespace
}  // namespace nopos::engine
