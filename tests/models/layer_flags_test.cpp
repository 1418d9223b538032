/// The options inside and between layers, each against its formula in plain ATen.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model_fixture.h"
#include "nopos/model_state.h"

namespace nopos {
namespace {

using test::flags_t, test::make_model, test::some_tokens, test::with;

Settings scaled(bool norm_before) {
  return with(flags_t(), {{"decoder-layers", std::int64_t{1}},
                          {"decoder-normalize-before", norm_before},
                          {"scale-attn", true},
                          {"scale-fc", true},
                          {"scale-heads", true},
                          {"scale-resids", true}});
}

/// The tensors of a model by name below "decoder.".
class Weights {
 public:
  explicit Weights(const Architecture& model, std::string prefix = "decoder.")
      : model_(model), prefix_(std::move(prefix)) {}
  at::Tensor operator()(const std::string& name) const { return test::tensor(model_, prefix_ + name); }
  at::Tensor map(const at::Tensor& x, const std::string& name) const {
    return at::linear(x, (*this)(name + ".weight"), (*this)(name + ".bias"));
  }
  at::Tensor norm(const at::Tensor& x, const std::string& name) const {
    const at::Tensor y = x - x.mean(-1, true);
    return y / (y.square().mean(-1, true) + 1e-5).sqrt() * (*this)(name + ".weight") +
           (*this)(name + ".bias");
  }

 private:
  const Architecture& model_;
  std::string prefix_;
};

at::Tensor attention(const Weights& w, const at::Tensor& x, std::int64_t heads) {
  // x [T,C] -> [T,C], head by head
  const std::int64_t length = x.size(0), width = x.size(1) / heads;
  const at::Tensor q = w.map(x, "self_attn.q_proj"), k = w.map(x, "self_attn.k_proj"),
                   v = w.map(x, "self_attn.v_proj");
  const at::Tensor later = at::ones({length, length}, at::kBool).triu(1);
  std::vector<at::Tensor> mixed;
  for (std::int64_t h = 0; h < heads; ++h) {
    const auto of_head = [&](const at::Tensor& t) { return t.narrow(1, h * width, width); };
    const at::Tensor scores = of_head(q).mm(of_head(k).t()) / std::sqrt(static_cast<double>(width));
    mixed.push_back(scores.masked_fill(later, -INFINITY).softmax(1).mm(of_head(v)));
  }
  return w.map(at::cat(mixed, 1), "self_attn.out_proj");
}

at::Tensor scaled_layer(const Weights& w, const at::Tensor& x, bool norm_before) {
  const auto before = [&](const at::Tensor& t, const char* name) {
    return norm_before ? w.norm(t, name) : t;
  };
  const auto after = [&](const at::Tensor& t, const char* name) { return norm_before ? t : w.norm(t, name); };
  at::Tensor y = attention(w, before(x, "self_attn_layer_norm"), 4);
  y = w.norm(y * w("c_attn").repeat_interleave(16), "attn_ln");
  const at::Tensor z = after(x + y, "self_attn_layer_norm");
  y = w.norm(at::gelu(w.map(before(z, "final_layer_norm"), "fc1")), "ffn_layernorm");
  return after(z * w("w_resid") + w.map(y, "fc2"), "final_layer_norm");
}

TEST(LearnedScales, AreWhereTheReferenceHasThem) {
  for (const bool norm_before : {true, false}) {
    const auto model = make_model({.settings = scaled(norm_before)});
    const at::NoGradGuard no_grad;
    for (auto& parameter : model->parameters()) parameter.uniform_(-0.3, 0.5);
    const Batch batch = test::batch_of({some_tokens(12)});
    const Weights decoder(*model);
    const at::Tensor x = decoder("embed_tokens.weight").index_select(0, batch.tokens[0]) * 8;
    at::Tensor expected = scaled_layer(Weights(*model, "decoder.layers.0."), x, norm_before);
    if (norm_before) expected = decoder.norm(expected, "layer_norm");
    EXPECT_TRUE(at::allclose(model->features(batch)[0], expected, 1e-4, 1e-5)) << norm_before;
  }
}

TEST(LearnedScales, BeginAtOneAndDrawNothing) {
  const auto plain = make_model({.settings = with(flags_t(), {{"decoder-layers", std::int64_t{1}}})});
  const at::Tensor next = at::rand({3});
  const auto model = make_model({.settings = scaled(true)});
  EXPECT_TRUE(at::equal(at::rand({3}), next));
  for (const char* name : {"c_attn", "w_resid", "attn_ln.weight", "ffn_layernorm.weight"}) {
    const at::Tensor value = test::tensor(*model, std::string("decoder.layers.0.") + name);
    EXPECT_TRUE(at::equal(value, at::ones_like(value))) << name;
  }
  EXPECT_EQ(test::tensor(*model, "decoder.layers.0.c_attn").numel(), 4);
  EXPECT_EQ(test::tensor(*model, "decoder.layers.0.ffn_layernorm.weight").numel(), 128);
}

std::vector<bool> layers_with_gradients(Architecture& model, int layers) {
  std::vector<bool> found;
  for (int i = 0; i < layers; ++i) {
    const std::string name = "decoder.layers." + std::to_string(i) + ".fc1.weight";
    found.push_back(test::tensor(model, name).grad().defined());
  }
  return found;
}

TEST(LayerDrop, KeepsTheLayersWhoseNumbersLieAboveItsProbability) {
  const auto model = make_model(
      {.settings = with(flags_t(), {{"decoder-layers", std::int64_t{6}}, {"decoder-layerdrop", 0.5}})});
  const Batch batch = test::batch_of({some_tokens(8)});
  for (const int seed : {1, 2, 3}) {
    at::manual_seed(seed);
    const at::Tensor numbers = at::empty({6}).uniform_();
    const at::Tensor next = at::rand({3});
    for (auto& parameter : model->parameters()) parameter.mutable_grad() = at::Tensor();
    at::manual_seed(seed);
    model->features(batch).sum().backward();
    EXPECT_TRUE(at::equal(at::rand({3}), next));
    const auto kept = layers_with_gradients(*model, 6);
    for (int i = 0; i < 6; ++i) EXPECT_EQ(kept[i], numbers[i].item<float>() > 0.5) << seed << ' ' << i;
  }
  model->eval();
  at::manual_seed(4);
  const at::Tensor x = model->features(batch);
  const at::Tensor next = at::rand({3});
  at::manual_seed(4);
  at::empty({6}).uniform_();
  EXPECT_TRUE(at::equal(at::rand({3}), next));  // evaluation draws too, as in fairseq, and keeps all
  const auto whole = make_model({.settings = with(flags_t(), {{"decoder-layers", std::int64_t{6}}})});
  EXPECT_TRUE(at::equal(whole->features(batch), x));
}

TEST(LayersToKeep, TakesTheChosenLayersOfALargerModel) {
  const auto model =
      make_model({.settings = with(flags_t(), {{"decoder-layers-to-keep", std::string("5,2")}})});
  EXPECT_EQ(test::parameter_count(*model), test::parameter_count(*make_model()));
  const std::vector<std::string> saved{"decoder.version", "decoder.layers.0.fc1.weight",
                                       "decoder.layers.2.fc1.weight", "decoder.layers.5.fc1.weight",
                                       "decoder.layer_norm.weight"};
  using Own = std::vector<std::optional<std::string>>;
  EXPECT_EQ(model->own_names(saved), (Own{"decoder.version", std::nullopt, "decoder.layers.0.fc1.weight",
                                          "decoder.layers.1.fc1.weight", "decoder.layer_norm.weight"}));
  const std::vector<std::string> pruned{"decoder.layers.0.fc1.weight", "decoder.layers.1.fc1.weight"};
  EXPECT_EQ(model->own_names(pruned), Own(pruned.begin(), pruned.end()));
}

TEST(BaseLayers, StandWhereTheReferenceInsertsThem) {
  const auto settings = with(flags_t(), {{"decoder-layers", std::int64_t{4}},
                                         {"base-layers", std::int64_t{1}},
                                         {"base-sublayers", std::int64_t{2}},
                                         {"activation-fn", std::string("relu")}});
  const auto model = make_model({.settings = settings});
  std::vector<std::string> names;
  for (const auto& [name, value] : named_state(*model)) {
    if (name.starts_with("decoder.layers.2.")) names.push_back(name.substr(17));
  }
  std::vector<std::string> expected{"expert_centroids"};
  for (const char* sub_layer : {"experts.0.0.", "experts.0.1."}) {
    for (const char* name : {"norm.weight", "norm.bias", "ff1.weight", "ff1.bias", "ff2.weight", "ff2.bias"})
      expected.push_back(std::string(sub_layer) + name);
  }
  EXPECT_EQ(names, expected);
  EXPECT_NEAR(test::tensor(*model, "decoder.layers.2.expert_centroids").norm().item<double>(), 0.1, 1e-6);
  EXPECT_EQ(test::tensor(*model, "decoder.layers.2.experts.0.1.ff2.weight").norm().item<double>(), 0);
  EXPECT_EQ(test::tensor(*model, "decoder.layers.4.fc1.weight").size(0), 128);
}

TEST(BaseLayers, MixInTheirExpertByHowNearTheTokenLies) {
  const Settings one =
      with(flags_t(), {{"decoder-layers", std::int64_t{1}}, {"no-decoder-final-norm", true}});
  const auto model = make_model({.settings = with(one, {{"base-layers", std::int64_t{1}}})});
  const at::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) parameter.uniform_(-0.3, 0.3);
  // With one layer the BASE layer comes first: 1·1/2 = 0.
  const Weights base(*model, "decoder.layers.0.");
  const Batch batch = test::batch_of({some_tokens(9)});
  const at::Tensor x =
      test::tensor(*model, "decoder.embed_tokens.weight").index_select(0, batch.tokens[0]) * 8;
  const at::Tensor nearness = at::sigmoid(x.mv(base("expert_centroids")[0])).unsqueeze(1);
  const at::Tensor inner = at::gelu(base.map(base.norm(x, "experts.0.0.norm"), "experts.0.0.ff1"));
  const at::Tensor mixed = nearness * (x + base.map(inner, "experts.0.0.ff2")) + (1 - nearness) * x;

  const auto plain = make_model({.settings = with(one, {{"no-scale-embedding", true}}), .vocabulary = 13});
  for (const auto& [name, tensor] : named_state(*plain)) {
    if (!name.starts_with("decoder.layers.0.")) continue;
    tensor.detach().copy_(test::tensor(*model, "decoder.layers.1." + name.substr(17)));
  }
  test::tensor(*plain, "decoder.embed_tokens.weight").detach().narrow(0, 4, 9).copy_(mixed);
  const at::Tensor expected = plain->features(test::batch_of({{4, 5, 6, 7, 8, 9, 10, 11, 12}}));
  EXPECT_TRUE(at::allclose(model->features(batch), expected, 1e-4, 1e-5));
}

}  // namespace
}  // namespace nopos
