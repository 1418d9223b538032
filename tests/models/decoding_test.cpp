/// What comes in chunks, padded or packed is what comes at once and alone, for the whole model with every
/// encoding: in double by the formula, and in float32 by the paths that a run takes.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>

#include "model_fixture.h"
#include "nopos/error.h"

namespace nopos {
namespace {

using test::flags_a, test::flags_t, test::make_model, test::with;

constexpr std::int64_t T = 12, padding = 1;

struct Way {
  const char* encoding;
  bool exact;  // double, by the formula; else float32, as it comes
};

class Decoding : public testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (GetParam().exact) setenv("NOPOS_ATTENTION", "explicit", 1);
    model_ = model(flags_t());
  }
  void TearDown() override { unsetenv("NOPOS_ATTENTION"); }

  static std::shared_ptr<Architecture> model(const Settings& settings) {
    auto made = make_model({.settings = settings, .encoding = GetParam().encoding});
    made->to(GetParam().exact ? at::kDouble : at::kFloat);
    made->eval();
    return made;
  }
  static void expect_equal(const at::Tensor& found, const at::Tensor& expected,
                           const std::string& what = "") {
    ASSERT_EQ(found.sizes(), expected.sizes()) << what;
    EXPECT_LT((found - expected).abs().max().item<double>(), GetParam().exact ? 1e-10 : 1e-5) << what;
  }
  at::Tensor features(const Batch& batch, const ForwardOptions& options = {}) const {
    const at::NoGradGuard no_grad;
    return model_->features(batch, options);
  }
  at::Tensor features(const at::Tensor& tokens, const ForwardOptions& options = {}) const {
    return features(Batch{.tokens = tokens}, options);
  }
  /// The features of tokens [B,S] that come in chunks of these lengths.
  at::Tensor chunked(const Batch& batch, const std::vector<std::int64_t>& split) const {
    const auto state = model_->decoding_state(batch.tokens.size(0), batch.tokens.size(1));
    std::vector<at::Tensor> parts;
    for (const std::int64_t length : split) {
      const std::int64_t past = state->length();
      Batch chunk{.tokens = batch.tokens.narrow(1, past, length)};
      if (batch.document_ids.defined()) chunk.document_ids = batch.document_ids.narrow(1, past, length);
      parts.push_back(features(chunk, {.state = state.get()}));
    }
    return at::cat(parts, 1);
  }

  std::shared_ptr<Architecture> model_;
};

INSTANTIATE_TEST_SUITE_P(Models, Decoding,
                         testing::ValuesIn(std::vector<Way>{{"none", true},
                                                            {"learned", true},
                                                            {"sinusoidal", true},
                                                            {"alibi", true},
                                                            {"sinusoidal+alibi", true},
                                                            {"none", false},
                                                            {"learned", false},
                                                            {"sinusoidal", false},
                                                            {"alibi", false},
                                                            {"sinusoidal+alibi", false}}),
                         [](const auto& info) {
                           std::string name = info.param.encoding;
                           std::replace(name.begin(), name.end(), '+', '_');
                           return name + (info.param.exact ? "_exact" : "_float32");
                         });

at::Tensor some_tokens(std::int64_t rows, std::int64_t length, std::uint64_t seed = 5) {
  at::manual_seed(seed);
  return at::randint(4, 160, {rows, length}, at::kLong);
}

at::Tensor gap(std::int64_t length) { return at::full({1, length}, padding, at::kLong); }

std::string text(const std::vector<std::int64_t>& split) {
  std::string all;
  for (const std::int64_t length : split) all += std::to_string(length) + ' ';
  return all;
}

/// Every way to cut `length` into `parts` lengths.
std::vector<std::vector<std::int64_t>> splits(std::int64_t length, std::int64_t parts) {
  if (parts == 1) return {{length}};
  std::vector<std::vector<std::int64_t>> all;
  for (std::int64_t first = 1; first <= length - parts + 1; ++first) {
    for (std::vector<std::int64_t> rest : splits(length - first, parts - 1)) {
      rest.insert(rest.begin(), first);
      all.push_back(std::move(rest));
    }
  }
  return all;
}

TEST_P(Decoding, EverySplitIsOneForward) {
  const at::Tensor tokens = some_tokens(2, T), whole = features(tokens);
  for (std::int64_t parts = 1; parts <= 4; ++parts) {
    for (const auto& split : splits(T, parts))
      expect_equal(chunked({.tokens = tokens}, split), whole, text(split));
  }
  expect_equal(chunked({.tokens = tokens}, std::vector<std::int64_t>(T, 1)), whole, "token by token");
}

TEST_P(Decoding, EverySplitOfAnAdaptivePostNormModelIsOneForward) {
  model_ = model(with(flags_a(), {{"decoder-normalize-before", false}, {"layernorm-embedding", true}}));
  const at::Tensor tokens = some_tokens(2, T), whole = features(tokens);
  for (const auto& split : splits(T, 2)) expect_equal(chunked({.tokens = tokens}, split), whole, text(split));
}

TEST_P(Decoding, GoesOnAfterReorderingTruncatingForkingAndSaving) {
  const at::Tensor tokens = some_tokens(2, 7), more = some_tokens(3, 5, 9),
                   rows = at::tensor({1, 0, 1}, at::kLong);
  const auto state = model_->decoding_state(2, T);
  features(tokens, {.state = state.get()});
  const auto copy = state->fork();
  const auto restored = model_->decoding_state(2, T);
  restored->restore(state->tensors());

  state->reorder(rows);
  const at::Tensor reordered = features(at::cat({tokens.index_select(0, rows), more}, 1)).narrow(1, 7, 5);
  expect_equal(features(more, {.state = state.get()}), reordered, "reordered");
  restored->reorder(rows);
  expect_equal(features(more, {.state = restored.get()}), reordered, "restored");

  ASSERT_TRUE(copy->truncate(4));
  const at::Tensor other = more.narrow(0, 0, 2);
  expect_equal(features(other, {.state = copy.get()}),
               features(at::cat({tokens.narrow(1, 0, 4), other}, 1)).narrow(1, 4, 5), "truncated");
}

TEST_P(Decoding, PaddingOnEitherSideChangesNothing) {
  const at::Tensor row = some_tokens(1, T - 5), neighbour = some_tokens(1, T, 6), alone = features(row);
  for (const bool left : {false, true}) {
    const at::Tensor padded = left ? at::cat({gap(5), row}, 1) : at::cat({row, gap(5)}, 1);
    const Batch batch{.tokens = at::cat({padded, neighbour})};
    const auto of_row = [&](const at::Tensor& x) { return x.narrow(0, 0, 1).narrow(1, left ? 5 : 0, T - 5); };
    const std::string side = left ? "left" : "right";
    expect_equal(of_row(features(batch)), alone, side);
    for (const auto& split : splits(T, 3))
      expect_equal(of_row(chunked(batch, split)), alone, side + ' ' + text(split));
    const at::Tensor last = features(batch, {.last_only = true});
    expect_equal(last.narrow(0, 0, 1), alone.narrow(1, T - 6, 1), side + ", last");
    expect_equal(last.narrow(0, 1, 1), features(neighbour).narrow(1, T - 1, 1), side + ", last of the other");
  }
}

TEST_P(Decoding, PromptsOfUnequalLengthsGoOn) {
  const at::Tensor long_row = some_tokens(1, 6), short_row = some_tokens(1, 4, 6),
                   more = some_tokens(2, 3, 9);
  const auto alone = [&](const at::Tensor& row, std::int64_t b) {
    return features(at::cat({row, more.narrow(0, b, 1)}, 1)).narrow(1, row.size(1), 3);
  };
  const at::Tensor expected = at::cat({alone(long_row, 0), alone(short_row, 1)});
  for (const bool left : {false, true}) {
    const auto state = model_->decoding_state(2, 9);
    const at::Tensor padded = left ? at::cat({gap(2), short_row}, 1) : at::cat({short_row, gap(2)}, 1);
    features(at::cat({long_row, padded}), {.state = state.get()});
    std::vector<at::Tensor> parts;
    for (std::int64_t i = 0; i < 3; ++i)
      parts.push_back(features(more.narrow(1, i, 1), {.state = state.get()}));
    expect_equal(at::cat(parts, 1), expected, left ? "left" : "right");
  }
}

TEST_P(Decoding, DocumentsOfARowAreRowsOfTheirOwn) {
  const at::Tensor tokens = some_tokens(2, T);
  // row 0: documents of 5, 6 and 1 tokens; row 1: of 7 and 3, then padding
  const at::Tensor ids =
      at::tensor({3, 3, 3, 3, 3, 8, 8, 8, 8, 8, 8, 3, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2}, at::kLong);
  const Batch batch{.tokens = tokens, .document_ids = ids.view({2, T})};
  batch.tokens[1].slice(0, 10).fill_(padding);
  const auto alone = [&](std::int64_t row, const std::vector<std::pair<int, int>>& documents) {
    std::vector<at::Tensor> parts;
    for (const auto& [begin, length] : documents)
      parts.push_back(features(tokens.narrow(0, row, 1).narrow(1, begin, length)));
    return at::cat(parts, 1);
  };
  const at::Tensor first = alone(0, {{0, 5}, {5, 6}, {11, 1}}), second = alone(1, {{0, 7}, {7, 3}});
  const auto check = [&](const at::Tensor& x, const std::string& what) {
    expect_equal(x.narrow(0, 0, 1), first, what);
    expect_equal(x.narrow(0, 1, 1).narrow(1, 0, 10), second, what);
  };
  check(features(batch), "at once");
  for (const auto& split : splits(T, 2)) check(chunked(batch, split), text(split));
  EXPECT_GT((features(tokens)[0] - first[0]).abs().max().item<double>(), 1e-3);  // it would show
}

/// Keeps all that it is shown.
struct Watcher final : Observer {
  void hidden(std::int64_t depth, const at::Tensor& x) override {
    EXPECT_EQ(depth, static_cast<std::int64_t>(streams.size()));
    streams.push_back(x);
  }
  bool wants_weights(std::int64_t) const override { return true; }
  void weights(std::int64_t layer, const at::Tensor& weights) override {
    EXPECT_EQ(layer, static_cast<std::int64_t>(shares.size()));
    shares.push_back(weights);
  }
  std::vector<at::Tensor> streams, shares;
};

TEST_P(Decoding, IsWatchedLayerByLayer) {
  const at::Tensor tokens = some_tokens(2, T);
  Watcher watcher;
  expect_equal(features(tokens, {.observer = &watcher}), features(tokens));
  ASSERT_EQ(watcher.streams.size(), 3u);  // of two layers
  ASSERT_EQ(watcher.shares.size(), 2u);
  for (const at::Tensor& weights : watcher.shares) {
    ASSERT_EQ(weights.sizes(), (at::IntArrayRef{2, 4, T, T}));
    expect_equal(weights.sum(3), at::ones({2, 4, T}, weights.options()));
  }
}

TEST(FastPaths, AreTheFormula) {
  const at::NoGradGuard no_grad;
  for (const char* encoding : {"none", "learned", "sinusoidal", "alibi", "sinusoidal+alibi"}) {
    const auto model = make_model({.encoding = encoding});
    model->eval();
    at::Tensor tokens = some_tokens(2, 31), padded = tokens.clone();
    padded[1].slice(0, 0, 6).fill_(padding);
    const Batch packed{.tokens = tokens, .document_ids = at::arange(31).floor_divide(9).expand({2, 31})};
    for (const Batch& batch : {Batch{.tokens = tokens}, Batch{.tokens = padded}, packed}) {
      const at::Tensor fast = model->features(batch);
      setenv("NOPOS_ATTENTION", "explicit", 1);
      const at::Tensor formula = model->features(batch);
      unsetenv("NOPOS_ATTENTION");
      EXPECT_LT((fast - formula).abs().max().item<double>(), 1e-5) << encoding;
      EXPECT_FALSE(at::equal(fast, formula)) << encoding << ": was it another path?";
    }
  }
}

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

TEST(DecodingState, OfAModelTakesNoOtherBatchAndNoMoreThanPlanned) {
  const at::NoGradGuard no_grad;
  const auto model = make_model({.encoding = "learned"}), other = make_model();
  const auto state = model->decoding_state(2, 9);
  const auto next = [&](Architecture& by, std::int64_t rows, std::int64_t length) {
    return refusal([&] { by.features({.tokens = some_tokens(rows, length)}, {.state = state.get()}); });
  };
  EXPECT_EQ(next(*model, 2, 7), "nothing");
  EXPECT_NE(next(*model, 3, 1).find("it holds 2 rows, the batch has 3"), std::string::npos);
  EXPECT_NE(next(*model, 2, 3).find("made for 9 tokens; with this batch there would be 10"),
            std::string::npos);
  EXPECT_NE(next(*other, 2, 1).find("made by another model"), std::string::npos);
  EXPECT_EQ(next(*model, 2, 2), "nothing");
  EXPECT_EQ(refusal([&] { model->decoding_state(2, 33); }),
            "architecture/transformer_lm: a decoding state for 33 tokens was asked for, but the positional "
            "encoding "
            "ends at 32.");
  EXPECT_EQ(refusal([&] { other->decoding_state(2, 33); }), "nothing");
}

TEST(DecodingState, OfABfloat16ModelIsAsNearAsItsTypeIs) {
  const at::NoGradGuard no_grad;
  for (const char* encoding : {"none", "sinusoidal+alibi"}) {
    const auto model = make_model({.encoding = encoding});
    model->eval();
    const at::Tensor tokens = some_tokens(2, T), exact = model->features({.tokens = tokens});
    model->to(at::kBFloat16);
    const auto state = model->decoding_state(2, T);
    std::vector<at::Tensor> parts;
    for (const std::int64_t length : {5, 1, 6})
      parts.push_back(
          model->features({.tokens = tokens.narrow(1, state->length(), length)}, {.state = state.get()}));
    const at::Tensor error = at::cat(parts, 1).to(at::kFloat) - exact;
    EXPECT_LT(error.norm().item<double>(), 0.02 * exact.norm().item<double>()) << encoding;
  }
}

TEST(NoposAttention, IsExplicitOrNotSet) {
  const auto model = make_model();
  setenv("NOPOS_ATTENTION", "quick", 1);
  const std::string found = refusal([&] { model->features({.tokens = some_tokens(1, 3)}); });
  unsetenv("NOPOS_ATTENTION");
  EXPECT_NE(found.find("NOPOS_ATTENTION is 'quick'; it may be 'explicit'"), std::string::npos);
}

// Packed rows train: gradients are those of the documents alone, on the path with dropout and on the one
// without.
TEST(Packing, HasTheGradientsOfTheDocumentsAlone) {
  for (const char* encoding : {"none", "alibi", "learned"}) {
    for (const double dropout : {0.0, 1e-12}) {
      const at::Tensor tokens = some_tokens(1, T),
                       ids = at::cat({at::zeros({1, 5}), at::ones({1, 7})}, 1).to(at::kLong);
      const auto gradients = [&](const std::vector<Batch>& batches) {
        const auto model =
            make_model({.settings = with(flags_t(), {{"attention-dropout", dropout}}), .encoding = encoding});
        for (const Batch& batch : batches) model->features(batch).square().sum().backward();
        std::vector<at::Tensor> all;
        for (const at::Tensor& parameter : model->parameters())
          all.push_back(parameter.grad().defined() ? parameter.grad() : at::zeros_like(parameter));
        return all;
      };
      const auto packed = gradients({{.tokens = tokens, .document_ids = ids}});
      const auto alone = gradients({{.tokens = tokens.narrow(1, 0, 5)}, {.tokens = tokens.narrow(1, 5, 7)}});
      for (std::size_t i = 0; i < packed.size(); ++i)
        EXPECT_TRUE(at::allclose(packed[i], alone[i], 1e-4, 1e-4)) << encoding << ' ' << dropout << ' ' << i;
    }
  }
}

}  // namespace
}  // namespace nopos
