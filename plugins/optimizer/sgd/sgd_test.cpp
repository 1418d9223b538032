#include <gtest/gtest.h>

#include "built_plugin.h"
#include "optimizer_trace.h"

namespace nopos {
namespace {

std::shared_ptr<Optimizer> sgd(const Settings& settings) {
  return test::make_component<Optimizer>("sgd", settings, {.lr = 0.1});
}

TEST(Sgd, WithoutMomentumFollowsTheFormulaAndKeepsNoState) {
  const auto optimizer = sgd({{"weight-decay", 0.1}});
  EXPECT_TRUE(optimizer->state_names().empty());
  test::expect_follows(
      *optimizer, [](int, double lr, double g, double& theta, auto&) { theta -= lr * (g + 0.1 * theta); });
}

TEST(Sgd, WithMomentumFollowsTheFormula) {
  const auto optimizer = sgd({{"momentum", 0.9}, {"weight-decay", 0.1}});
  test::expect_follows(*optimizer, [](int t, double lr, double g, double& theta, auto& state) {
    const double with_decay = g + 0.1 * theta;
    state[0] = t == 1 ? with_decay : 0.9 * state[0] + with_decay;
    theta -= lr * state[0];
  });
}

TEST(Sgd, NamesItsGroupInTheReferencesOrder) {
  std::vector<std::string> names;
  for (const auto& [name, value] : sgd({})->group()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"lr", "momentum", "dampening", "weight_decay", "nesterov",
                                             "maximize", "foreach", "differentiable"}));
}

}  // namespace
}  // namespace nopos
