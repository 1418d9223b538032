#include "nopos/nn/feed_forward.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "nopos/error.h"

namespace nopos {
namespace {

TEST(Activation, IsTheFormulaOfItsName) {
  struct Case {
    const char* name;
    double at_minus_one, at_one;
  };
  const Case cases[] = {{"relu", 0, 1},
                        {"gelu", -0.15865525, 0.84134475},
                        {"gelu_fast", -0.15880801, 0.84119199},
                        {"gelu_accurate", -0.15880801, 0.84119199},
                        {"tanh", -0.76159416, 0.76159416},
                        {"linear", -1, 1}};
  EXPECT_EQ(std::size(cases), activation_names().size());
  for (const Case& one : cases) {
    const at::Tensor y = activate(at::tensor({-1.0, 1.0}, at::kFloat), activation(one.name));
    EXPECT_NEAR(y[0].item<double>(), one.at_minus_one, 1e-6) << one.name;
    EXPECT_NEAR(y[1].item<double>(), one.at_one, 1e-6) << one.name;
  }
  EXPECT_THROW(activation("swish"), Error);
}

TEST(FeedForward, WorksInPlaceWithoutSpoilingGradients) {
  at::manual_seed(1);
  for (const std::string& name : activation_names()) {
    torch::nn::Module layer;
    const FeedForward feed_forward(layer, 4, 6, activation(name), /*dropout=*/0);
    const auto loss = [&](const at::Tensor& x) { return feed_forward.forward(x, true).square().sum(); };
    const at::Tensor x = at::randn({2, 3, 4}).requires_grad_(true);
    loss(x).backward();
    const at::NoGradGuard no_grad;
    at::Tensor step = at::zeros_like(x);
    step[1][2][0] = 0.01;
    const double slope = (loss(x + step) - loss(x - step)).item<double>() / 0.02;
    EXPECT_NEAR(x.grad()[1][2][0].item<double>(), slope, 0.02 * std::abs(slope) + 2e-3) << name;
  }
}

TEST(FeedForward, ReluWithDropoutLetsThroughGradientsWhereItLetThroughValues) {
  at::manual_seed(1);
  torch::nn::Module layer;
  const FeedForward feed_forward(layer, 4, 1000, Activation::relu, /*dropout=*/0.25);
  const at::Tensor x = at::randn({1, 4});
  feed_forward.forward(x, /*training=*/true).sum().backward();
  // fc2's gradient is the inner value in every row, fc1's bias gets 1/(1-p) · column sums of fc2 where it is
  // not zero.
  const at::Tensor inner = feed_forward.fc2->weight().grad()[0],
                   before = at::relu(feed_forward.fc1->forward(x))[0];
  const at::Tensor open = inner.ne(0).to(at::kFloat);
  EXPECT_TRUE(at::allclose(inner, before * open / 0.75));
  EXPECT_NEAR((open.sum() / before.ne(0).sum()).item<double>(), 0.75, 0.06);
  EXPECT_TRUE(at::allclose(feed_forward.fc1->bias().grad(), feed_forward.fc2->weight().sum(0) * open / 0.75,
                           1e-4, 1e-6));
}

TEST(FeedForward, DropsEverythingWithFiniteGradients) {
  torch::nn::Module layer;
  const FeedForward feed_forward(layer, 4, 6, Activation::relu, /*dropout=*/1);
  feed_forward.forward(at::randn({3, 4}), /*training=*/true).sum().backward();
  EXPECT_TRUE(at::equal(feed_forward.fc1->bias().grad(), at::zeros({6})));
}

TEST(GatedFeedForward, IsTheFormula) {
  at::manual_seed(1);
  const GatedFeedForward gated(4, 6, Activation::silu);
  const auto weights = gated.named_parameters();
  const at::Tensor x = at::randn({2, 3, 4});
  const at::Tensor gate = at::matmul(x, weights["gate_proj.weight"].t()),
                   up = at::matmul(x, weights["up_proj.weight"].t());
  const at::Tensor expected = at::matmul(gate / (1 + at::exp(-gate)) * up, weights["down_proj.weight"].t());
  EXPECT_EQ(weights.size(), 3u);
  EXPECT_TRUE(at::allclose(gated.forward(x), expected, 1e-5, 1e-6));
}

TEST(RMSNorm, IsTheFormulaInEveryType) {
  at::manual_seed(1);
  RMSNorm norm(5, 1e-3);
  const at::Tensor weight = norm.parameters().at(0);
  at::NoGradGuard no_grad;
  weight.copy_(at::rand({5}));
  const at::Tensor x = at::randn({2, 3, 5}, at::kDouble);
  const at::Tensor expected = x / (x.square().mean(2, true) + 1e-3).sqrt() * weight;
  EXPECT_TRUE(at::allclose(norm.forward(x), expected));
  const at::Tensor narrow = norm.forward(x.to(at::kBFloat16));
  EXPECT_EQ(narrow.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::allclose(narrow.to(at::kDouble), expected, 0.02, 0.02));
}

}  // namespace
}  // namespace nopos
