#include <gtest/gtest.h>

#include "built_plugin.h"
#include "nopos/error.h"
#include "optimizer_trace.h"

namespace nopos {
namespace {

std::shared_ptr<Optimizer> adam(const Settings& settings) {
  return test::make_component<Optimizer>("adam", settings, {.lr = 0.1});
}

TEST(Adam, GivesTheReferencesVectors) {
  const auto optimizer = adam({{"adam-betas", std::vector<double>{0.9, 0.98}}, {"weight-decay", 0.01}});
  const auto trace = test::three_updates(*optimizer);
  const double expected[3][2] = {
      {0.89900000, -2.09800005}, {0.73587710, -2.13219047}, {0.71817505, -2.14390683}};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 2; ++j) EXPECT_NEAR(trace[i][j], expected[i][j], 3e-7) << i << ' ' << j;
  }
}

// A large epsilon, so that its place before the bias correction shows.
TEST(Adam, FollowsTheFormulaOverManyUpdates) {
  const auto optimizer =
      adam({{"adam-betas", std::vector<double>{0.8, 0.95}}, {"adam-eps", 0.1}, {"weight-decay", 0.05}});
  test::expect_follows(*optimizer, [](int t, double lr, double g, double& theta, auto& state) {
    state[0] = 0.8 * state[0] + 0.2 * g;
    state[1] = 0.95 * state[1] + 0.05 * g * g;
    theta -= 0.05 * lr * theta;
    theta -= lr * std::sqrt(1 - std::pow(0.95, t)) / (1 - std::pow(0.8, t)) * state[0] /
             (std::sqrt(state[1]) + 0.1);
  });
}

// An embedding that is first used in the third update takes its own first step then.
TEST(Adam, CountsTheUpdatesOfEachParameterByItself) {
  const auto optimizer = adam({});
  at::Tensor often = at::ones({4}), seldom = at::ones({4});
  ParameterSlab slab({{"often", often}, {"seldom", seldom}}, optimizer->state_names());
  for (int t = 0; t < 3; ++t) {
    often.mutable_grad() = at::ones({4});
    if (t == 2) seldom.mutable_grad() = at::full({4}, 0.3);
    slab.update(*optimizer, 0.1, 1);
  }
  EXPECT_TRUE(optimizer->counts_steps());
  EXPECT_EQ(slab.segments()[0].step, 3);
  EXPECT_EQ(slab.segments()[1].step, 1);
  EXPECT_NEAR(seldom[0].item<double>(), 0.9, 1e-6);  // the first step of Adam is lr, whatever the gradient
}

TEST(Adam, NamesItsGroupInTheReferencesOrder) {
  const std::vector<std::pair<std::string, Value>> expected{{"lr", 0.1},
                                                            {"betas", std::vector<double>{0.9, 0.999}},
                                                            {"eps", 1e-8},
                                                            {"weight_decay", 0.0},
                                                            {"amsgrad", false}};
  EXPECT_EQ(adam({})->group(), expected);
}

TEST(Adam, RefusesBetasThatAreNotTwoNumbersBelowOne) {
  for (const std::vector<double>& betas : {std::vector<double>{0.9}, {0.9, 1.0}, {0.9, 0.98, 0.5}}) {
    try {
      adam({{"adam-betas", betas}});
      ADD_FAILURE() << "accepted " << to_text(betas);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::configuration);
      EXPECT_NE(std::string(error.what()).find("'adam-betas' is " + to_text(betas)), std::string::npos)
          << error.what();
    }
  }
}

}  // namespace
}  // namespace nopos
