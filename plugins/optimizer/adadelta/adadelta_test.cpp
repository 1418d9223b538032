#include "built_plugin.h"
#include "optimizer_trace.h"

namespace nopos {
namespace {

std::shared_ptr<Optimizer> adadelta() {
  return test::make_component<Optimizer>(
      "adadelta", {{"adadelta-rho", 0.8}, {"adadelta-eps", 1e-4}, {"weight-decay", 0.05}}, {.lr = 1.0});
}

TEST(Adadelta, FollowsTheFormula) {
  test::expect_follows(*adadelta(), [](int, double lr, double g, double& theta, auto& state) {
    g += 0.05 * theta;
    state[0] = 0.8 * state[0] + 0.2 * g * g;
    const double delta = std::sqrt((state[1] + 1e-4) / (state[0] + 1e-4)) * g;
    state[1] = 0.8 * state[1] + 0.2 * delta * delta;
    theta -= lr * delta;
  });
}

TEST(Adadelta, ContinuesFromItsStateBitForBit) { test::expect_resumes(adadelta); }

TEST(Adadelta, NamesItsGroupInTheReferencesOrder) {
  EXPECT_EQ(test::group_names(*adadelta()), "lr rho eps weight_decay maximize foreach differentiable");
}

}  // namespace
}  // namespace nopos
