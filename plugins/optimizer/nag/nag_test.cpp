#include <gtest/gtest.h>

#include "built_plugin.h"
#include "optimizer_trace.h"

namespace nopos {
namespace {

std::shared_ptr<Optimizer> nag(const Settings& settings, double lr = 0.1) {
  return test::make_component<Optimizer>("nag", settings, {.lr = lr});
}

TEST(Nag, GivesTheReferencesVectors) {
  const auto optimizer = nag({{"momentum", 0.99}, {"weight-decay", 0.01}});
  std::array<double, 2> buffer{};
  const auto trace = test::three_updates(*optimizer, &buffer);
  const double expected[3][2] = {{0.8, -2.0975}, {0.52278006, -2.07191515}, {0.50400269, -2.09038520}};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 2; ++j) EXPECT_NEAR(trace[i][j], expected[i][j], 3e-7) << i << ' ' << j;
  }
  EXPECT_NEAR(buffer[0], -0.03890500, 1e-7);
  EXPECT_NEAR(buffer[1], -0.01465250, 1e-7);
}

TEST(Nag, FollowsTheFormulaOverManyUpdates) {
  const auto optimizer = nag({{"momentum", 0.9}, {"weight-decay", 0.02}}, /*lr=*/0.02);
  test::expect_follows(*optimizer, [](int t, double lr, double g, double& theta, auto& state) {
    const double correction = lr / (t == 1 ? 0.02 : state[1]), mu = 0.9;
    theta = theta * (1 - lr * 0.02) + mu * mu * correction * state[0] - (1 + mu) * lr * g;
    state[0] = mu * correction * state[0] - lr * g;
    state[1] = lr;  // the rate of the update before, kept beside each element
  });
}

TEST(Nag, TakesTheRateItselfAsCorrectionAfterARateOfZero) {
  const auto optimizer = nag({{"momentum", 0.5}}, /*lr=*/0.0);
  at::Tensor theta = at::ones({1});
  ParameterSlab slab({{"theta", theta}}, optimizer->state_names());
  slab.state(0, "momentum_buffer").fill_(8);
  theta.mutable_grad() = at::ones({1});
  slab.update(*optimizer, /*lr=*/0.25, /*grad_scale=*/1);
  EXPECT_FLOAT_EQ(theta.item<float>(), 1 + 0.5 * 0.5 * 0.25 * 8 - 1.5 * 0.25);
  EXPECT_FLOAT_EQ(slab.state(0, "momentum_buffer").item<float>(), 0.5 * 0.25 * 8 - 0.25);
}

TEST(Nag, ResumesWithTheRateOfTheLastUpdate) {
  const auto first = nag({{"momentum", 0.9}}), resumed = nag({{"momentum", 0.9}});
  at::Tensor theta = at::ones({3}), grad = at::full({3}, 0.5);
  ParameterSlab slab({{"theta", theta}}, first->state_names());
  theta.mutable_grad() = grad;
  slab.update(*first, 0.1, 1);
  slab.update(*first, 0.3, 1);

  at::Tensor copy = theta.clone();
  ParameterSlab resumed_slab({{"theta", copy}}, resumed->state_names());
  resumed_slab.state(0, "momentum_buffer").copy_(slab.state(0, "momentum_buffer"));
  resumed->restore_group(first->group());
  copy.mutable_grad() = grad;
  slab.update(*first, 0.2, 1);
  resumed_slab.update(*resumed, 0.2, 1);
  EXPECT_TRUE(at::equal(theta, copy));
}

TEST(Nag, NamesItsGroupInTheReferencesOrder) {
  const auto group = nag({})->group();
  const std::vector<std::pair<std::string, Value>> expected{
      {"lr", 0.1}, {"lr_old", 0.1}, {"momentum", 0.99}, {"weight_decay", 0.0}};
  EXPECT_EQ(group, expected);
}

// A band of an adaptive softmax that no token of the batch used has no gradient.
TEST(Nag, LeavesAParameterWithoutGradientAndItsMomentumAlone) {
  const auto optimizer = nag({{"weight-decay", 0.1}});
  at::Tensor head = at::rand({40, 8}), tail = at::rand({40, 8});
  ParameterSlab slab({{"head", head}, {"tail", tail}}, optimizer->state_names());
  slab.state(1, "momentum_buffer").fill_(0.125);
  const at::Tensor before = tail.clone(), head_before = head.clone();
  head.mutable_grad() = at::ones({40, 8});
  slab.update(*optimizer, 0.1, 1);
  EXPECT_TRUE(at::equal(tail, before));
  EXPECT_TRUE(at::equal(slab.state(1, "momentum_buffer"), at::full({40, 8}, 0.125)));
  EXPECT_FALSE(at::equal(head, head_before));
}

}  // namespace
}  // namespace nopos
