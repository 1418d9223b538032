/// Weights at seed 1 are fairseq's, and there are as many as there should be.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model_fixture.h"

namespace nopos {
namespace {

using test::flags_a, test::flags_t, test::make_model, test::tensor, test::with;

TEST(InitialWeights, AreTheReferencesAtSeed1) {
  struct Golden {
    const char* name;
    double sum, norm;  // 0: not recorded
  };
  const Golden golden[] = {{"decoder.embed_tokens.weight", -7.904959, 12.633425},
                           {"decoder.layers.0.self_attn.k_proj.weight", 6.134270, 5.657484},
                           {"decoder.layers.0.self_attn.k_proj.bias", -0.643694, 0},
                           {"decoder.layers.1.fc2.weight", 7.677839, 4.615554},
                           {"decoder.output_projection.weight", 4.853055, 12.718066}};
  const auto model = make_model();
  for (const Golden& expected : golden) {
    const at::Tensor weight = tensor(*model, expected.name).to(at::kDouble);
    EXPECT_NEAR(weight.sum().item<double>(), expected.sum, 2e-6) << expected.name;
    if (expected.norm != 0) {
      EXPECT_NEAR(weight.norm().item<double>(), expected.norm, 2e-6) << expected.name;
    }
  }
  const float first[] = {0.0613934f, -0.2281463f, 0.0025435f};
  const at::Tensor embedding = tensor(*model, "decoder.embed_tokens.weight");
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(embedding[0][i].item<float>(), first[i], 5e-8);
  EXPECT_TRUE(at::equal(embedding[1], at::zeros({64})));
  for (int layer = 0; layer < 2; ++layer) {
    const std::string name = "decoder.layers." + std::to_string(layer) + ".self_attn.out_proj.bias";
    EXPECT_TRUE(at::equal(tensor(*model, name), at::zeros({64})));
  }
}

TEST(InitialWeights, EncodingsWithoutWeightsDrawNothing) {
  const at::Tensor last = tensor(*make_model(), "decoder.output_projection.weight");
  for (const char* encoding : {"sinusoidal", "alibi", "sinusoidal+alibi"}) {
    const auto model = make_model({.encoding = encoding});
    EXPECT_TRUE(at::equal(tensor(*model, "decoder.output_projection.weight"), last)) << encoding;
  }
  const auto learned = make_model({.encoding = "learned"});  // draws after the embedding, before the layers
  EXPECT_TRUE(at::equal(tensor(*learned, "decoder.embed_tokens.weight"),
                        tensor(*make_model(), "decoder.embed_tokens.weight")));
  EXPECT_FALSE(at::equal(tensor(*learned, "decoder.output_projection.weight"), last));
}

TEST(InitialWeights, RowOneOfEveryAdaptiveBandIsZero) {
  const auto model = make_model({.settings = flags_a()});
  for (int band = 0; band < 3; ++band) {
    const std::string name = "decoder.embed_tokens.embeddings." + std::to_string(band) + ".0.weight";
    const at::Tensor rows = tensor(*model, name);
    EXPECT_TRUE(at::equal(rows[1], at::zeros({rows.size(1)}))) << name;
    EXPECT_FALSE(at::equal(rows[0], at::zeros({rows.size(1)}))) << name;
  }
}

TEST(ParameterCount, IsTheReferences) {
  const Settings gpt_4 = with(flags_t(), {{"decoder-embed-dim", std::int64_t{256}},
                                          {"decoder-input-dim", std::int64_t{256}},
                                          {"decoder-output-dim", std::int64_t{256}},
                                          {"decoder-ffn-embed-dim", std::int64_t{1024}},
                                          {"decoder-layers", std::int64_t{4}}});
  EXPECT_EQ(test::parameter_count(*make_model({.settings = gpt_4, .vocabulary = 192})), 3'257'856);
  const Settings small = with(flags_a(), {{"decoder-layers", std::int64_t{3}},
                                          {"adaptive-input-cutoff", std::string("40,100")},
                                          {"adaptive-softmax-cutoff", std::string("40,100")}});
  EXPECT_EQ(test::parameter_count(*make_model({.settings = small, .vocabulary = 192})), 109'808);
}

// The whole models need gigabytes and many seconds: a layer is counted as the difference that one makes.
TEST(ParameterCount, OfTheLargeModels) {
  const auto count = [](Settings settings, std::int64_t width, std::int64_t inner, std::int64_t heads,
                        std::int64_t layers, std::int64_t vocabulary) {
    settings = with(settings, {{"decoder-embed-dim", width},
                               {"decoder-input-dim", width},
                               {"decoder-output-dim", width},
                               {"decoder-ffn-embed-dim", inner},
                               {"decoder-attention-heads", heads}});
    const auto with_layers = [&](std::int64_t number) {
      return test::parameter_count(
          *make_model({.settings = with(settings, {{"decoder-layers", number}}), .vocabulary = vocabulary}));
    };
    const std::int64_t one = with_layers(1);
    return one + (layers - 1) * (with_layers(2) - one);
  };
  const Settings wiki103 = with(flags_a(), {{"adaptive-input-cutoff", std::string("20000,60000")},
                                            {"adaptive-softmax-cutoff", std::string("20000,60000")}});
  EXPECT_EQ(count(wiki103, 1024, 4096, 8, 16, 267'744), 246'933'504);
  const Settings shared = with(flags_t(), {{"share-decoder-input-output-embed", true}});
  EXPECT_EQ(count(shared, 2048, 8192, 32, 24, 160), 1'208'602'624 + 160 * 2048);
}

}  // namespace
}  // namespace nopos
