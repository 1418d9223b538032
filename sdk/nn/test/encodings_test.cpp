#include "nopos/encodings.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "encoding_hooks.h"
#include "nopos/error.h"
#include "nopos/model_state.h"
#include "nopos/nn/attention.h"

namespace nopos {
namespace {

/// Adds `value` to embeddings, `value` to queries, and declares one slope.
class Plain final : public PositionalEncoding {
 public:
  Plain(const std::string& tensor, double value, std::int64_t limit = 100) : value_(value) {
    register_parameter(tensor, at::full({2}, value));
    declare().max_length(limit);
  }
  at::Tensor embed(at::Tensor x, const Forward&) override { return x + value_; }
  at::Tensor positions(const Forward& forward) override { return forward.positions() * 2 + 1; }
  Heads transform(Heads heads, Layer& layer) override {
    return {heads.q * value_ + layer.index(), heads.k, heads.v};
  }
  void scores(Scores& scores, Layer&) override { scores.add(SlopeBias{at::full({1}, value_)}); }

 private:
  double value_;
};

/// A forward with `encodings`, of two rows of five tokens.
struct TwoRows {
  explicit TwoRows(Encodings& encodings) : pass(encodings, {.tokens = at::full({2, 5}, 7, at::kLong)}, {}) {}
  LayerHooks layer(std::int64_t depth) { return LayerHooks(pass.state(), pass.forward(), depth); }
  ScoresState scores(std::int64_t depth) {
    const at::Tensor ones = at::ones({2, 1, 5, 4});
    return layer(depth).scores(at::ones({2, 5, 4}), {ones, ones, ones}, /*scale=*/0.5);
  }
  ForwardPass pass;
};

TEST(EncodingsTogether, SumsChainsAndStaysFlat) {
  const auto both = compose(
      {{"", "a", std::make_shared<Plain>("x", 2, 100)}, {"", "b", std::make_shared<Plain>("y", 3, 50)}});
  TwoRows forward(*both);
  EXPECT_TRUE(at::equal(forward.pass.forward().positions()[1], at::arange(5) * 4 + 3));
  EXPECT_TRUE(at::equal(forward.pass.embed(at::ones({2, 5, 4})), at::full({2, 5, 4}, 6.0)));
  const at::Tensor ones = at::ones({2, 1, 5, 4});
  EXPECT_EQ(forward.layer(1).transform(ones, {ones, ones, ones}).q.max().item<float>(), (1 * 2 + 1) * 3 + 1);
  EXPECT_EQ(forward.scores(0).slopes.size(), 2u);
  EXPECT_EQ(both->max_length(), 50);
  const NamedTensors state = named_state(*both);
  ASSERT_EQ(state.size(), 2u);
  EXPECT_EQ(state[0].first, "x");
  EXPECT_EQ(state[1].first, "y");
}

TEST(EncodingsTogether, PartsFollowTheTrainingMode) {
  const auto part = std::make_shared<Plain>("x", 1);
  const auto both = compose({{"", "a", part}, {"", "b", std::make_shared<Plain>("y", 1)}});
  both->eval();
  EXPECT_FALSE(part->is_training());
}

TEST(EncodingsTogether, OneLooksLikeItselfAndNoneDoesNothing) {
  const auto one = std::make_shared<Plain>("x", 1);
  const auto composed = compose({{"", "a", one}});
  EXPECT_TRUE(named_state(*composed).at(0).second.is_same(named_state(*one).at(0).second));
  std::ostringstream itself, shown;
  itself << *one;
  shown << *composed;
  EXPECT_EQ(shown.str(), itself.str());
  EXPECT_TRUE(TwoRows(*compose(std::vector<EncodingInstance>())).scores(0).plain());
}

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

TEST(EncodingsTogether, ResultsThatDoNotFitTheModelAreRefusedWithBothShapes) {
  const auto one = compose(std::make_shared<Plain>("x", 1));
  TwoRows forward(*one);
  EXPECT_EQ(refusal([&] { forward.scores(3); }), "nothing");
  const at::Tensor two_heads = at::ones({2, 2, 5, 4});
  EXPECT_EQ(refusal([&] {
              forward.layer(3).scores({}, {two_heads, two_heads, two_heads}, 1);
            }),
            "a component failed in its hook scores, layer 3: it returned slopes, Float [1], expected is "
            "floating-point numbers of shape [2].");
}

/// Knows the index that it is called with, and declares a window.
struct Indexed final : PositionalEncoding {
  void scores(Scores& scores, Layer& layer) override {
    indices.push_back(layer.index());
    depths.push_back(layer.depth());
    scores.window(4);
    scores.scale(scores.scale() * 3);
  }
  std::vector<std::int64_t> indices, depths;
};

TEST(EncodingsTogether, LayersHaveTheirOwnAndCountThem) {
  const auto first = std::make_shared<Indexed>(), second = std::make_shared<Indexed>();
  const auto all =
      compose({{"", "first", first}, {"far", "second", second}}, {{{0}, 3}, {{}, 0}, {{1, 0}, 9}, {{1}, 0}});
  TwoRows forward(*all);
  const std::int64_t windows[] = {3, 0, 4, 4};
  const double scales[] = {1.5, 0.5, 4.5, 1.5};
  for (std::int64_t depth = 0; depth < 4; ++depth) {
    const ScoresState scores = forward.scores(depth);
    EXPECT_EQ(scores.window, windows[depth]);
    EXPECT_EQ(scores.scale, scales[depth]);
  }
  EXPECT_EQ(first->indices, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(first->depths, (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(second->indices, (std::vector<std::int64_t>{0, 1}));
  EXPECT_NE(refusal([&] { forward.scores(4); }).find("made for 4 layers"), std::string::npos);
}

TEST(EncodingsTogether, ALabelNamesTheParameters) {
  const auto all =
      compose({{"", "a", std::make_shared<Plain>("x", 1)}, {"near", "a", std::make_shared<Plain>("x", 1)}});
  const NamedTensors state = named_state(*all);
  ASSERT_EQ(state.size(), 2u);
  EXPECT_EQ(state[0].first, "x");
  EXPECT_EQ(state[1].first, "near.x");
}

/// What a constructor may declare.
struct Declaring final : PositionalEncoding {
  explicit Declaring(const std::function<void(Declaration&)>& say) { say(declare()); }
};

TEST(EncodingsTogether, RefuseWhatCannotServe) {
  const auto composed = [](const std::function<void(Declaration&)>& say, const ModelShape& shape = {}) {
    return refusal([&] { compose(std::make_shared<Declaring>(say), shape); });
  };
  EXPECT_NE(
      composed([](Declaration& d) { d.needs_causal("gates close"); }, {.causal = false}).find("gates close"),
      std::string::npos);
  EXPECT_EQ(composed([](Declaration& d) { d.needs_causal("gates close"); }), "nothing");
  EXPECT_NE(composed([](Declaration& d) { d.no_weight_decay("w"); }).find("'w', which it does not have"),
            std::string::npos);
  EXPECT_NE(composed([](Declaration& d) { d.max_length(0); }).find("0 tokens"), std::string::npos);
  const auto part = std::make_shared<Indexed>();
  EXPECT_NE(refusal([&] { compose({{"", "a", part}}, {{{0, 0}, 0}}); }).find("twice"), std::string::npos);
  const auto limited = compose(std::make_shared<Declaring>([](Declaration& d) { d.max_length(4); }));
  EXPECT_NE(refusal([&] { TwoRows forward(*limited); }).find("a sequence of 5 tokens is longer than the 4"),
            std::string::npos);
}

TEST(EncodingsTogether, RefusesTwoTensorsOfOneName) {
  try {
    compose({{"", "a", std::make_shared<Plain>("x", 1)}, {"", "b", std::make_shared<Plain>("x", 1)}});
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'a' and 'b' both have a tensor named 'x'"), std::string::npos);
  }
}

}  // namespace
}  // namespace nopos
