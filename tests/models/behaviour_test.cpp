/// What holds for the whole model with every encoding.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model_fixture.h"
#include "nopos/error.h"

namespace nopos {
namespace {

using test::flags_a, test::flags_t, test::make_model, test::some_tokens, test::with;

class WithEncoding : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, WithEncoding,
                         testing::Values("none", "learned", "sinusoidal", "alibi", "sinusoidal+alibi"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '+', '_');
                           return name;
                         });

at::Tensor features(Architecture& model, const std::vector<std::vector<std::int64_t>>& rows) {
  const at::NoGradGuard no_grad;
  return model.features(test::batch_of(rows));
}

TEST_P(WithEncoding, NoTokenSeesALaterOne) {
  for (const Settings& settings : {flags_t(), flags_a()}) {
    const auto model = make_model({.settings = settings, .encoding = GetParam()});
    auto row = some_tokens(32);
    const at::Tensor before = features(*model, {row});
    row[20] = 77;
    const at::Tensor after = features(*model, {row});
    EXPECT_TRUE(at::equal(before.narrow(1, 0, 20), after.narrow(1, 0, 20)));
    EXPECT_FALSE(at::allclose(before.narrow(1, 20, 1), after.narrow(1, 20, 1)));
    EXPECT_FALSE(at::allclose(before.narrow(1, 31, 1), after.narrow(1, 31, 1)));
  }
}

TEST_P(WithEncoding, PaddingOnTheRightChangesNothing) {
  const auto model = make_model({.encoding = GetParam()});
  auto row = some_tokens(12);
  const at::Tensor alone = features(*model, {row});
  row.resize(20, 1);
  const at::Tensor padded = features(*model, {some_tokens(20), row});
  EXPECT_TRUE(at::allclose(padded[1].narrow(0, 0, 12), alone[0], 1e-5, 1e-6));
}

TEST_P(WithEncoding, OrderMattersToTheLastToken) {
  const auto model = make_model({.encoding = GetParam()});
  auto row = some_tokens(16);
  const at::Tensor before = features(*model, {row})[0][15].clone();
  std::swap(row[3], row[9]);
  EXPECT_FALSE(at::allclose(features(*model, {row})[0][15], before, 1e-5, 1e-6));
}

TEST_P(WithEncoding, GradientsReachEveryParameter) {
  const auto model = make_model({.settings = flags_a(), .encoding = GetParam()});
  std::vector<std::int64_t> row;
  for (int i = 0; i < 30; ++i) row.push_back(4 + 5 * i);  // all bands
  const Batch batch = test::batch_of({row});
  const at::Tensor x = model->features(batch);
  model->head().nll(x.view({-1, 64}), batch.targets.view(-1), 1).sum().backward();
  for (const auto& parameter : model->named_parameters()) {
    EXPECT_TRUE(parameter.value().grad().defined()) << parameter.key();
  }
}

// Baked-in order: without any encoding, one layer of attention cannot tell the order of the tokens before.
TEST(Encodings, OneLayerWithoutEncodingIsBlindToTheOrderOfThePast) {
  const Settings one_layer = with(flags_t(), {{"decoder-layers", std::int64_t{1}}});
  for (const char* encoding : {"none", "learned", "sinusoidal", "alibi"}) {
    const auto model = make_model({.settings = one_layer, .encoding = encoding});
    auto row = some_tokens(16);
    const at::Tensor before = features(*model, {row})[0][15].clone();
    std::swap(row[3], row[9]);
    EXPECT_EQ(at::allclose(features(*model, {row})[0][15], before, 1e-5, 1e-6),
              std::string(encoding) == "none")
        << encoding;
  }
}

TEST(Encodings, TakeLongerSequencesOrSayWhyNot) {
  const auto longer = some_tokens(33);  // one more than tokens-per-sample: what --add-bos-token makes
  for (const char* encoding : {"none", "sinusoidal", "alibi"}) {
    const auto model = make_model({.encoding = encoding});
    EXPECT_EQ(features(*model, {longer}).sizes(), (at::IntArrayRef{1, 33, 64})) << encoding;
    const at::Tensor whole = features(*model, {some_tokens(150)});
    EXPECT_TRUE(at::allclose(whole.narrow(1, 0, 33), features(*model, {longer}), 1e-5, 1e-6)) << encoding;
  }
  const auto learned = make_model({.encoding = "learned"});
  EXPECT_EQ(learned->max_positions(), 32);
  try {
    features(*learned, {longer});
    ADD_FAILURE() << "accepted 33 tokens";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("33 tokens is longer than the 32 that it can encode"), std::string::npos);
  }
}

TEST(Dropout, IsActiveWhileTrainingOnly) {
  const auto model =
      make_model({.settings = with(flags_t(), {{"dropout", 0.5}, {"attention-dropout", 0.1}})});
  const auto row = some_tokens(8);
  EXPECT_FALSE(at::equal(features(*model, {row}), features(*model, {row})));
  model->eval();
  EXPECT_TRUE(at::equal(features(*model, {row}), features(*model, {row})));
}

}  // namespace
}  // namespace nopos
