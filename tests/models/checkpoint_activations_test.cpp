/// `--checkpoint-activations` changes memory and time, and no number.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model_fixture.h"
#include "nopos/model_state.h"
#include "nopos/nn/recomputation.h"

namespace nopos {
namespace {

using test::flags_a, test::flags_t, test::make_model, test::some_tokens, test::with;

using Weak = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

struct Step {
  at::Tensor loss, next_numbers;
  NamedTensors gradients;
};

/// Two micro-batches, whose gradients add up.
Step step(const Settings& settings, const char* encoding, bool recompute) {
  const auto model =
      make_model({.settings = with(settings, {{"checkpoint-activations", recompute}}), .encoding = encoding});
  at::manual_seed(7);
  Step result;
  for (const int length : {30, 20}) {
    const Batch batch = test::batch_of({some_tokens(length), some_tokens(length)});
    const at::Tensor x = model->features(batch);
    result.loss = model->head().nll(x.view({-1, x.size(2)}), batch.targets.view(-1), 1).sum();
    result.loss.backward();
  }
  result.next_numbers = at::rand({5});
  for (const auto& [name, parameter] : trainable_parameters(*model))
    result.gradients.emplace_back(name, parameter.grad());
  return result;
}

void expect_equal(const Step& a, const Step& b, const std::string& what) {
  EXPECT_TRUE(at::equal(a.loss, b.loss)) << what;
  EXPECT_TRUE(at::equal(a.next_numbers, b.next_numbers)) << what;
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    const auto& [name, gradient] = a.gradients[i];
    ASSERT_EQ(gradient.defined(), b.gradients[i].second.defined()) << what << ' ' << name;
    if (!gradient.defined()) continue;
    EXPECT_TRUE(at::equal(gradient, b.gradients[i].second)) << what << ' ' << name;
  }
}

TEST(CheckpointActivations, LeavesEveryGradientAndRandomNumberAsItIs) {
  const Settings dropout = {{"decoder-layers", std::int64_t{3}},
                            {"dropout", 0.2},
                            {"attention-dropout", 0.1},
                            {"activation-dropout", 0.1}};
  for (const char* encoding : {"none", "learned", "sinusoidal", "alibi"}) {
    for (const Settings& flags : {flags_t(), flags_a()}) {
      const Settings settings = with(flags, dropout);
      expect_equal(step(settings, encoding, false), step(settings, encoding, true), encoding);
    }
  }
  const Settings more = with(with(flags_t(), dropout), {{"decoder-layerdrop", 0.4},
                                                        {"quant-noise-pq", 0.2},
                                                        {"quant-noise-scalar", 0.3},
                                                        {"scale-resids", true},
                                                        {"scale-fc", true},
                                                        {"base-layers", std::int64_t{1}}});
  expect_equal(step(more, "alibi", false), step(more, "alibi", true), "noise");
}

TEST(Recomputation, KeepsNothingOfTheLayerBetweenForwardAndBackward) {
  int runs = 0, seen_again = 0;
  const at::Tensor x = at::randn({4, 4}).requires_grad_();
  Weak inner(at::randn({1}).getIntrusivePtr());
  const at::Tensor y = with_recomputation(x, [&](const at::Tensor& input) {
    ++runs;
    if (recomputing()) ++seen_again;
    const at::Tensor kept = input.sigmoid();  // whose backward keeps it
    if (!recomputing()) inner = Weak(kept.getIntrusivePtr());
    return kept * kept;
  });
  EXPECT_TRUE(inner.expired());
  EXPECT_EQ(runs, 1);
  y.sum().backward();
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(seen_again, 1);
  EXPECT_FALSE(recomputing());
  const at::Tensor s = x.detach().sigmoid();
  EXPECT_TRUE(at::allclose(x.grad(), 2 * s * s * (1 - s)));
}

TEST(Recomputation, RunsOnceWithoutGradients) {
  int runs = 0;
  const auto layer = [&](const at::Tensor& x) { return ++runs, x * 2; };
  with_recomputation(at::ones({2}), layer);
  const at::NoGradGuard no_grad;
  with_recomputation(at::ones({2}).requires_grad_(), layer);
  EXPECT_EQ(runs, 2);
}

TEST(Recomputation, PutsTheRandomNumbersBackWhereALayerThrows) {
  const at::Tensor x = at::ones({2}).requires_grad_();
  const at::Tensor y = with_recomputation(x, [](const at::Tensor& input) {
    if (recomputing()) throw std::runtime_error("second run");
    return input * at::rand({2});
  });
  at::manual_seed(3);
  const at::Tensor next = at::rand({3});
  at::manual_seed(3);
  EXPECT_THROW(y.sum().backward(), std::runtime_error);
  EXPECT_FALSE(recomputing());
  EXPECT_TRUE(at::equal(at::rand({3}), next));
}

}  // namespace
}  // namespace nopos
