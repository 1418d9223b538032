#include "nopos/attention_bias.h"
#include "nopos/composite_encoding.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "nopos/error.h"
#include "nopos/model_state.h"
#include "nopos/nn/attention.h"

namespace nopos {
namespace {

/// Adds `value` to embeddings, `value` to queries, and declares one slope.
class Plain final : public PositionalEncoding {
 public:
  Plain(const std::string& tensor, double value, std::optional<std::int64_t> limit = {})
      : value_(value), limit_(limit) {
    register_parameter(tensor, at::full({2}, value));
  }
  Traits traits() const override { return {.max_length = limit_}; }
  at::Tensor embed(const Forward& forward) override {
    return at::full({forward.rows(), forward.length(), 4}, value_);
  }
  at::Tensor positions(const Forward& forward) override { return forward.positions() * 2 + 1; }
  Heads transform(Heads heads, Layer& layer) override {
    return {heads.q * value_ + layer.index(), heads.k, heads.v};
  }
  void scores(Scores& scores, Layer&) override { scores.add(SlopeBias{at::full({1}, value_)}); }

 private:
  double value_;
  std::optional<std::int64_t> limit_;
};

/// A forward of `encoding`, of two rows of five tokens.
struct TwoRows {
  explicit TwoRows(PositionalEncoding& encoding)
      : run(encoding, masks, {.tokens = at::full({2, 5}, 7, at::kLong)}, {}) {}
  BiasMasks masks;
  ForwardPass run;
};

TEST(CompositeEncoding, SumsChainsAndStaysFlat) {
  const auto both =
      compose({{"a", std::make_shared<Plain>("x", 2, 100)}, {"b", std::make_shared<Plain>("y", 3, 50)}});
  TwoRows forward(*both);
  EXPECT_TRUE(at::equal(forward.run.forward().positions()[1], at::arange(5) * 4 + 3));
  EXPECT_TRUE(at::equal(forward.run.embedding(), at::full({2, 5, 4}, 5.0)));
  EXPECT_EQ(
      forward.run.transformed(/*layer=*/1, {}, {at::ones({1}), at::ones({1}), at::ones({1})}).q.item<float>(),
      (1 * 2 + 1) * 3 + 1);
  EXPECT_EQ(forward.run.declared(0).terms().size(), 2u);
  EXPECT_EQ(both->traits().max_length, 50);
  const NamedTensors state = named_state(*both);
  ASSERT_EQ(state.size(), 2u);
  EXPECT_EQ(state[0].first, "x");
  EXPECT_EQ(state[1].first, "y");
}

TEST(CompositeEncoding, PartsFollowTheTrainingMode) {
  const auto part = std::make_shared<Plain>("x", 1);
  const auto both = compose({{"a", part}, {"b", std::make_shared<Plain>("y", 1)}});
  both->eval();
  EXPECT_FALSE(part->is_training());
}

TEST(CompositeEncoding, OneLooksLikeItselfAndNoneDoesNothing) {
  const auto one = std::make_shared<Plain>("x", 1);
  const auto composed = compose({{"a", one}});
  EXPECT_TRUE(named_state(*composed).at(0).second.is_same(named_state(*one).at(0).second));
  std::ostringstream itself, shown;
  itself << *one;
  shown << *composed;
  EXPECT_EQ(shown.str(), itself.str());
  EXPECT_TRUE(TwoRows(*compose({})).run.declared(0).empty());
}

/// What an encoding of a model of width 4 with one head is refused for, in `hook`.
std::string refusal(const std::function<void(const ForwardPass&)>& hook, const ModelShape& shape) {
  const auto one = compose({{"a", std::make_shared<Plain>("x", 1)}}, shape);
  try {
    hook(TwoRows(*one).run);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

TEST(CompositeEncoding, ResultsThatDoNotFitTheModelAreRefusedWithBothShapes) {
  const auto embed = [](const ForwardPass& run) { run.embedding(); };
  const auto bias = [](const ForwardPass& run) { run.declared(3); };
  EXPECT_EQ(refusal(embed, {.embed_dim = 4, .heads = 1}), "nothing");
  EXPECT_EQ(refusal(bias, {.embed_dim = 4, .heads = 1}), "nothing");
  EXPECT_EQ(
      refusal(embed, {.embed_dim = 8}),
      "a component failed in its hook embed: it returned Float [2,5,4], expected is floating-point numbers "
      "of shape [2,5,8] on cpu.");
  EXPECT_EQ(refusal(bias, {.heads = 2}),
            "a component failed in its hook scores, layer 3: it returned slopes, Float [1], expected is "
            "floating-point numbers of shape [2].");
}

TEST(CompositeEncoding, RefusesTwoTensorsOfOneName) {
  try {
    compose({{"a", std::make_shared<Plain>("x", 1)}, {"b", std::make_shared<Plain>("x", 1)}});
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'a' and 'b' both have a tensor named 'x'"), std::string::npos);
  }
}

}  // namespace
}  // namespace nopos
