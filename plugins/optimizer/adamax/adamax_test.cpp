#include "built_plugin.h"
#include "nopos/error.h"
#include "optimizer_trace.h"

namespace nopos {
namespace {

std::shared_ptr<Optimizer> adamax(bool bias_correction) {
  return test::make_component<Optimizer>("adamax",
                                         {{"adamax-betas", std::vector<double>{0.8, 0.95}},
                                          {"adamax-eps", 1e-3},
                                          {"weight-decay", 0.05},
                                          {"no-bias-correction", !bias_correction}},
                                         {.lr = 0.1});
}

// One element; `correction` is what the first moment is divided by.
void follow(double correction, double lr, double g, double& theta, std::array<double, 2>& state) {
  state[0] = 0.8 * state[0] + 0.2 * g;
  state[1] = std::max(0.95 * state[1], std::abs(g));
  theta = theta * (1 - 0.05 * lr) - lr * state[0] / correction / (state[1] + 1e-3);
}

TEST(Adamax, FollowsTheFormula) {
  test::expect_follows(*adamax(true), [](int t, double lr, double g, double& theta, auto& state) {
    follow(1 - std::pow(0.8, t), lr, g, theta, state);
  });
}

TEST(Adamax, LeavesTheBiasWhereToldTo) {
  test::expect_follows(*adamax(false), [](int, double lr, double g, double& theta, auto& state) {
    follow(1, lr, g, theta, state);
  });
}

TEST(Adamax, ContinuesFromItsStateBitForBit) {
  test::expect_resumes([] { return adamax(true); });
}

TEST(Adamax, NamesItsGroupInTheReferencesOrder) {
  EXPECT_EQ(test::group_names(*adamax(true)), "lr betas eps weight_decay bias_correction");
}

TEST(Adamax, RefusesBetasThatAreNoDecays) {
  EXPECT_THROW(test::make_component<Optimizer>("adamax", {{"adamax-betas", std::vector<double>{0.9, 1.0}}},
                                               {.lr = 0.1}),
               Error);
}

}  // namespace
}  // namespace nopos
