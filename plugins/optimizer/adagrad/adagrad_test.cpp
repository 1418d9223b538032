#include "built_plugin.h"
#include "optimizer_trace.h"

namespace nopos {
namespace {

std::shared_ptr<Optimizer> adagrad() {
  return test::make_component<Optimizer>("adagrad", {{"weight-decay", 0.05}}, {.lr = 0.1});
}

TEST(Adagrad, FollowsTheFormula) {
  test::expect_follows(*adagrad(), [](int, double lr, double g, double& theta, auto& state) {
    g += 0.05 * theta;
    state[0] += g * g;
    theta -= lr * g / (std::sqrt(state[0]) + 1e-10);
  });
}

TEST(Adagrad, ContinuesFromItsStateBitForBit) { test::expect_resumes(adagrad); }

TEST(Adagrad, NamesItsGroupInTheReferencesOrder) {
  EXPECT_EQ(test::group_names(*adagrad()),
            "lr lr_decay eps weight_decay initial_accumulator_value foreach "
            "maximize differentiable");
}

}  // namespace
}  // namespace nopos
