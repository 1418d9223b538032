#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>

#include "nopos/parameter_slab.h"

namespace nopos {
namespace {

class PlainDescent final : public Optimizer {
 public:
  std::vector<std::string> state_names() const override { return {"calls"}; }
  void begin_update(double lr) override { lr_ = static_cast<float>(lr); }
  void update(const Chunk& chunk) const override {
    for (std::int64_t i = 0; i < chunk.size; ++i) {
      chunk.value[i] -= lr_ * chunk.grad_scale * chunk.grad[i];
      chunk.state[0][i] += 1;
    }
  }
  std::vector<std::pair<std::string, Value>> group() const override { return {{"lr", double{lr_}}}; }

 private:
  float lr_ = 0;
};

TEST(ParameterSlab, UpdatesEverySegmentWithAGradientOnceAndNoOther) {
  at::Tensor used = at::ones({100, 777}), unused = at::ones({5});
  used.mutable_grad() = at::full({100, 777}, 2.0);
  ParameterSlab slab({{"used", used}, {"unused", unused}}, {"calls"});
  PlainDescent optimizer;
  slab.update(optimizer, /*lr=*/0.25, /*grad_scale=*/0.5);
  EXPECT_TRUE(at::equal(used, at::full({100, 777}, 0.75)));
  EXPECT_TRUE(at::equal(slab.state(0, "calls"), at::ones({100, 777})));
  EXPECT_TRUE(at::equal(unused, at::ones({5})));
  EXPECT_TRUE(at::equal(slab.state(1, "calls"), at::zeros({5})));
  EXPECT_EQ(slab.segments()[0].step, 1);
  EXPECT_EQ(slab.segments()[1].step, 0);
}

TEST(ParameterSlab, HandsTheWholeParameterToAnUpdateThatIsNotElementwise) {
  struct Whole final : Optimizer {
    std::vector<std::string> state_names() const override { return {}; }
    void begin_update(double) override {}
    void update(const Chunk& chunk) const override { sizes.push_back(chunk.size); }
    bool elementwise() const override { return false; }
    std::vector<std::pair<std::string, Value>> group() const override { return {}; }
    mutable std::vector<std::int64_t> sizes;
  } optimizer;
  at::Tensor large = at::zeros({300, 777}), small = at::zeros({5}), untouched = at::zeros({7});
  large.mutable_grad() = at::ones({300, 777});
  small.mutable_grad() = at::ones({5});
  ParameterSlab slab({{"large", large}, {"untouched", untouched}, {"small", small}}, {});
  slab.update(optimizer, 0.1, 1);
  EXPECT_EQ(optimizer.sizes, (std::vector<std::int64_t>{300 * 777, 5}));
}

TEST(ParameterSlab, ReadsATransposedGradientInTheParametersOrder) {
  at::Tensor parameter = at::zeros({2, 3});
  ParameterSlab slab({{"parameter", parameter}}, {"calls"});
  parameter.mutable_grad() = at::arange(6, at::kFloat).view({3, 2}).t();
  PlainDescent optimizer;
  slab.update(optimizer, /*lr=*/1, /*grad_scale=*/1);
  EXPECT_TRUE(at::equal(parameter, -at::arange(6, at::kFloat).view({3, 2}).t()));
}

TEST(ParameterSlab, NormCountsEveryGradient) {
  at::Tensor a = at::zeros({3}), b = at::zeros({1});
  a.mutable_grad() = at::tensor({1.0f, 2.0f, 2.0f});
  b.mutable_grad() = at::tensor({4.0f});
  ParameterSlab slab({{"a", a}, {"b", b}}, {});
  EXPECT_DOUBLE_EQ(slab.grad_norm(0.5), 2.5);
}

// A sum in float would lose the small gradients beside the large one, or change with the number of threads.
TEST(ParameterSlab, NormIsExactForManySmallGradientsAndAnyNumberOfThreads) {
  at::Tensor parameter = at::zeros({1000, 1001}), large = at::zeros({1});
  ParameterSlab slab({{"parameter", parameter}, {"large", large}}, {});
  parameter.mutable_grad() = at::full({1000, 1001}, 0.001953125);  // 2^-9, its square 2^-18
  large.mutable_grad() = at::full({1}, 4096.0);
  const int threads = at::get_num_threads();
  for (const int count : {1, 2, 3}) {
    at::set_num_threads(count);
    EXPECT_DOUBLE_EQ(slab.grad_norm(1), std::sqrt(4096.0 * 4096.0 + 1001000 * std::ldexp(1.0, -18))) << count;
  }
  at::set_num_threads(threads);
}

// Clipping as the trainer does it: a norm above the limit scales the gradients to it.
TEST(ParameterSlab, ScalesTheGradientsToTheLimitOfTheirNorm) {
  at::Tensor parameter = at::zeros({2});
  parameter.mutable_grad() = at::tensor({3.0f, 4.0f});
  ParameterSlab slab({{"parameter", parameter}}, {"calls"});
  EXPECT_DOUBLE_EQ(slab.grad_norm(1), 5);
  PlainDescent optimizer;
  slab.update(optimizer, /*lr=*/1, /*grad_scale=*/0.1 / (5 + 1e-6));
  EXPECT_TRUE(at::allclose(parameter, at::tensor({-0.06f, -0.08f})));
}

struct PrecisionCase {
  WeightPrecision precision;
  const char* name;
};

class SlabPrecision : public ::testing::TestWithParam<PrecisionCase> {
 protected:
  const WeightPrecision& precision() const { return GetParam().precision; }
  at::ScalarType type() const { return precision().weights == at::kHalf ? at::kFloat : precision().weights; }
  at::Tensor rounded(const at::Tensor& values) const { return values.to(precision().weights).to(at::kFloat); }
};

// The optimizer's arithmetic is float32 on what it is given: with a master its own values, without the
// rounded weights.
TEST_P(SlabPrecision, UpdatesInFloatAndRounds) {
  at::manual_seed(1);
  const at::Tensor start = rounded(at::randn({300, 77}));
  at::Tensor parameter = start.to(type()).set_requires_grad(true), untouched = at::ones({5}).to(type());
  PlainDescent optimizer;
  ParameterSlab slab({{"parameter", parameter}, {"untouched", untouched}}, optimizer, precision());
  at::Tensor values = start.clone();
  for (int update = 0; update < 4; ++update) {
    const at::Tensor grad = at::randn({300, 77}).to(type());
    parameter.mutable_grad() = grad;
    slab.update(optimizer, /*lr=*/0.001, /*grad_scale=*/0.5);
    if (!precision().master) values = rounded(values);
    values.sub_(grad.to(at::kFloat).mul(0.001f * 0.5f));
    EXPECT_TRUE(at::allclose(parameter.detach().to(at::kFloat), rounded(values), 1e-5, 1e-5)) << update;
    EXPECT_TRUE(at::equal(parameter.detach().to(at::kFloat), rounded(parameter.detach().to(at::kFloat))));
  }
  if (precision().master) {
    EXPECT_TRUE(at::allclose(slab.master(0), values, 1e-6, 1e-6));
    EXPECT_TRUE(at::equal(rounded(slab.master(0)), parameter.detach().to(at::kFloat)));
  } else {
    EXPECT_FALSE(slab.master(0).defined());
  }
  // with a master, a parameter without a gradient counts as one whose gradient is zero
  EXPECT_EQ(slab.segments()[1].step, precision().master ? 4 : 0);
  EXPECT_TRUE(at::equal(slab.state(1, "calls"), at::full({5}, precision().master ? 4.0 : 0.0)));
}

TEST_P(SlabPrecision, NormIsOfTheGradientsInFloat) {
  at::Tensor parameter = at::zeros({1000}).to(type());
  PlainDescent optimizer;
  ParameterSlab slab({{"parameter", parameter}}, optimizer, precision());
  EXPECT_EQ(slab.grad_norm(1), 0);
  parameter.mutable_grad() = at::full({1000}, 3.0).to(type());
  EXPECT_DOUBLE_EQ(slab.grad_norm(0.5), 1.5 * std::sqrt(1000.0));
  parameter.mutable_grad()[7].fill_(-65536);  // beyond half precision
  EXPECT_EQ(std::isinf(slab.grad_norm(1)), precision().weights == at::kHalf);
}

TEST_P(SlabPrecision, WeightsThatWereSetAreRoundedAndTaken) {
  at::Tensor parameter = at::zeros({3}).to(type());
  PlainDescent optimizer;
  ParameterSlab slab({{"parameter", parameter}}, optimizer, precision());
  parameter.copy_(at::tensor({1.0001, 2.0, -0.1}));
  slab.weights_changed();
  EXPECT_TRUE(at::equal(parameter.to(at::kFloat), rounded(at::tensor({1.0001, 2.0, -0.1}, at::kFloat))));
  if (precision().master) {
    EXPECT_TRUE(at::equal(slab.master(0), parameter.to(at::kFloat)));
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, SlabPrecision,
                         ::testing::Values(PrecisionCase{{at::kBFloat16, true}, "bf16"},
                                           PrecisionCase{{at::kBFloat16, false}, "memory_efficient_bf16"},
                                           PrecisionCase{{at::kHalf, true}, "fp16"},
                                           PrecisionCase{{at::kHalf, false}, "memory_efficient_fp16"}),
                         [](const auto& info) { return std::string(info.param.name); });

// To nearest, ties to even, as ATen rounds; infinities stay, and NaN stays NaN.
TEST(ParameterSlab, RoundsAsATenDoes) {
  at::manual_seed(2);
  at::Tensor values = at::cat(
      {at::randn({4096}) * 1e3,
       at::tensor({1.00390625, 1.01171875, 3.4e38, -INFINITY, static_cast<double>(NAN), 0.0, -0.0, 1e-40},
                  at::kFloat)});
  struct Set final : Optimizer {
    std::vector<std::string> state_names() const override { return {}; }
    void begin_update(double) override {}
    void update(const Chunk& chunk) const override {
      std::copy_n(values.const_data_ptr<float>(), chunk.size, chunk.value);
    }
    std::vector<std::pair<std::string, Value>> group() const override { return {}; }
    at::Tensor values;
  } optimizer;
  optimizer.values = values;
  at::Tensor parameter = at::zeros({values.numel()}, at::kBFloat16);
  ParameterSlab slab({{"parameter", parameter}}, optimizer, {at::kBFloat16, true});
  slab.update(optimizer, 1, 1);
  const at::Tensor expected = values.to(at::kBFloat16);
  EXPECT_TRUE(at::equal(parameter.isnan(), expected.isnan()));
  EXPECT_TRUE(at::equal(parameter.nan_to_num(), expected.nan_to_num()));
}

/// Subtracts the gradient.
struct Descent final : Optimizer {
  std::vector<std::string> state_names() const override { return {}; }
  void begin_update(double) override {}
  void update(const Chunk& chunk) const override {
    for (std::int64_t i = 0; i < chunk.size; ++i) chunk.value[i] -= chunk.grad[i] * chunk.grad_scale;
    tags.insert(tags.end(), chunk.parameter->tags.begin(), chunk.parameter->tags.end());
  }
  mutable std::vector<std::string> tags;
};

TEST(ParameterSlab, KeepsAParameterInFloat32AndItsOptimizerSeesTheTag) {
  for (const bool has_master : {false, true}) {
    const at::Tensor narrow = at::full({3}, 1.0, at::kBFloat16).requires_grad_(true),
                     wide = at::full({3}, 1.0, at::kFloat).requires_grad_(true);
    Descent descent;
    ParameterSlab slab({{"narrow", narrow}, {"wide", wide}}, descent, {at::kBFloat16, has_master},
                       {{"wide", {"positional", "keeps_float32"}}});
    narrow.mutable_grad() = at::full({3}, 0.001, at::kBFloat16);
    wide.mutable_grad() = at::full({3}, 0.001);
    slab.update(descent, 1, 1);
    EXPECT_TRUE(wide.detach().equal(at::full({3}, 1 - 0.001F)));
    EXPECT_EQ(wide.scalar_type(), at::kFloat);
    EXPECT_EQ(narrow[0].item<float>(), 1.0F);  // the step is less than bfloat16 can tell
    EXPECT_EQ(descent.tags, (std::vector<std::string>{"positional", "keeps_float32"}));
  }
}

TEST(ParameterSlab, MastersTakeOverWhatWasAdjustedAndNothingElse) {
  const at::Tensor clamped = at::full({2}, 1.0, at::kBFloat16).requires_grad_(true),
                   other = at::full({2}, 1.0, at::kBFloat16).requires_grad_(true);
  Descent descent;
  ParameterSlab slab({{"clamped", clamped}, {"other", other}}, descent, {at::kBFloat16, /*master=*/true},
                     {{"clamped", {"positional"}}});
  for (const at::Tensor& parameter : {clamped, other})
    parameter.mutable_grad() = at::full({2}, 0.001, at::kBFloat16);
  slab.update(descent, 1, 1);
  const float kept = slab.master(0)[0].item<float>();
  EXPECT_LT(kept, 1);
  {
    const at::NoGradGuard no_grad;
    clamped[1].fill_(2), other[1].fill_(2);
  }
  slab.weights_adjusted("positional");
  EXPECT_EQ(slab.master(0)[0].item<float>(), kept);
  EXPECT_EQ(slab.master(0)[1].item<float>(), 2);
  EXPECT_EQ(slab.master(1)[1].item<float>(), kept);  // has not the tag
}

}  // namespace
}  // namespace nopos
