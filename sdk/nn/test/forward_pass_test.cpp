#include "nopos/forward_pass.h"

#include <gtest/gtest.h>

#include "nopos/encodings.h"
#include "small_model.h"

namespace nopos {
namespace {

using namespace small;

/// Keeps all that it is shown.
struct Watcher final : Observer {
  void hidden(std::int64_t depth, const at::Tensor& x) override { streams.emplace_back(depth, x); }
  bool wants_weights(std::int64_t layer) const override { return layer == 1; }
  void weights(std::int64_t layer, const at::Tensor& weights) override {
    shares.emplace_back(layer, weights);
  }
  std::vector<std::pair<std::int64_t, at::Tensor>> streams, shares;
};

TEST(Observer, SeesStreamsAndTheWeightsThatItWants) {
  at::manual_seed(3);
  Model model(std::make_shared<Slopes>());
  const at::Tensor tokens = some_tokens(B, T);
  Watcher watcher;
  const at::Tensor x = model.features(tokens, {.observer = &watcher});
  EXPECT_LT(apart(x, model.features(tokens)), tolerance);
  ASSERT_EQ(watcher.streams.size(), 3u);
  for (std::int64_t depth = 0; depth < 3; ++depth)
    EXPECT_EQ(watcher.streams[static_cast<std::size_t>(depth)].first, depth);
  EXPECT_TRUE(at::equal(watcher.streams[2].second, x));
  ASSERT_EQ(watcher.shares.size(), 1u);
  EXPECT_EQ(watcher.shares[0].first, 1);
  const at::Tensor weights = watcher.shares[0].second;
  ASSERT_EQ(weights.sizes(), (at::IntArrayRef{B, H, T, T}));
  EXPECT_LT(apart(weights.sum(3), at::ones({B, H, T}, at::kDouble)), tolerance);
  EXPECT_TRUE(at::equal(weights, weights.tril()));

  const auto state = model.state();
  Watcher later;
  model.features(tokens.narrow(1, 0, 9), {.state = state.get()});
  model.features(tokens.narrow(1, 9, 3), {.state = state.get(), .observer = &later});
  EXPECT_LT(apart(later.shares.at(0).second, weights.narrow(2, 9, 3)), tolerance);
}

TEST(LastOnly, IsEachRowsLastTokenThatIsNoPadding) {
  at::manual_seed(3);
  Model model(std::make_shared<Slopes>());
  at::Tensor tokens = some_tokens(B, T);
  tokens[1].slice(0, 9).fill_(padding);
  const at::Tensor all = model.features(tokens), last = model.features(tokens, {.last_only = true});
  ASSERT_EQ(last.sizes(), (at::IntArrayRef{B, 1, C}));
  EXPECT_TRUE(at::equal(last[0][0], all[0][T - 1]));
  EXPECT_TRUE(at::equal(last[1][0], all[1][8]));
}

TEST(Forward, SharesBetweenLayersAndKnowsWhatIsPlanned) {
  at::manual_seed(3);
  const auto table = std::make_shared<Table>(0);
  Model model(table);
  const auto state = model.state(B, 30);
  model.features(some_tokens(B, 4), {.state = state.get()});
  EXPECT_EQ(table->made, 1);
  const auto none = compose(std::vector<EncodingInstance>());
  const ForwardPass alone(*none, {.tokens = some_tokens(B, 4)}, {});
  EXPECT_EQ(alone.forward().planned(), 4);
  const ForwardPass next(*none, {.tokens = some_tokens(B, 4)}, {.model = &model}, {.state = state.get()});
  EXPECT_EQ(next.forward().planned(), 30);
  EXPECT_EQ(next.forward().past(), 4);
  EXPECT_EQ(next.forward().total(), 8);
  EXPECT_TRUE(at::equal(next.forward().positions()[1], at::arange(4, 8)));
  EXPECT_TRUE(at::equal(next.forward().key_positions()[1], at::arange(8)));
}

// Models in which tokens see later ones: padding and documents are as if they stood alone.
TEST(BothWays, PaddingAndDocumentsChangeNothing) {
  for (const std::int64_t window : {0, 4}) {
    at::manual_seed(3);
    Model model(
        compose({{"", "table", std::make_shared<Table>(-4)}, {"", "slopes", std::make_shared<Slopes>()}}),
        /*causal=*/false, window);
    const at::Tensor tokens = some_tokens(1, T), first = tokens.narrow(1, 0, 5),
                     second = tokens.narrow(1, 5, 7);
    const at::Tensor alone = model.features(first), expected = at::cat({alone, model.features(second)}, 1);
    const at::Tensor documents = at::cat({at::full({1, 5}, 1), at::full({1, 7}, 2)}, 1).to(at::kLong);
    EXPECT_LT(apart(model.features({.tokens = tokens, .document_ids = documents}), expected), tolerance);
    EXPECT_GT(apart(model.features(tokens), expected), 1e-3);  // it would show
    const at::Tensor gap = at::full({1, 3}, padding, at::kLong);
    EXPECT_LT(apart(model.features(at::cat({first, gap}, 1)).narrow(1, 0, 5), alone), tolerance);
    EXPECT_LT(apart(model.features(at::cat({gap, first}, 1)).narrow(1, 3, 5), alone), tolerance);
  }
}

}  // namespace
}  // namespace nopos
