#include <gtest/gtest.h>

#include "built_plugin.h"
#include "fixed_features_model.h"
#include "nopos/criterion.h"
#include "nopos/error.h"

namespace nopos {
namespace {

TEST(AdaptiveLoss, RefusesAModelWithoutAdaptiveSoftmax) {
  const auto criterion = test::make_component<Criterion>("adaptive_loss");
  test::FixedFeaturesModel full(at::zeros({2, 3, 5}), /*adaptive=*/false);
  try {
    criterion->check(full);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::configuration);
    EXPECT_NE(std::string(error.what()).find("--adaptive-softmax-cutoff"), std::string::npos) << error.what();
  }
  test::FixedFeaturesModel adaptive(at::zeros({2, 3, 5}), /*adaptive=*/true);
  EXPECT_NO_THROW(criterion->check(adaptive));
}

TEST(AdaptiveLoss, SumsWhatTheHeadSaysOfTheTargets) {
  const auto criterion = test::make_component<Criterion>("adaptive_loss");
  test::FixedFeaturesModel model(at::zeros({2, 3, 5}), /*adaptive=*/true);
  const CriterionResult result = criterion->forward(model, test::padded_batch());
  EXPECT_NEAR(result.loss.item<double>(), 4 * std::log(5.0), 1e-5);
  EXPECT_EQ(result.sample_size, 4);
  EXPECT_EQ(model.identity.rows_seen, 4);
}

}  // namespace
}  // namespace nopos
