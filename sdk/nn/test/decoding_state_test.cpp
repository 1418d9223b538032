/// What comes in chunks is what comes at once, for every sort of term and of memory that an encoding may use.

#include "nopos/forward_pass.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "nopos/encodings.h"
#include "nopos/error.h"
#include "small_model.h"

namespace nopos {
namespace {

using namespace small;

const std::vector<std::vector<std::int64_t>> splits{
    {12}, {3, 9}, {1, 11}, {11, 1}, {4, 1, 7}, {2, 3, 3, 4}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};

struct Encoding {
  const char* name;
  std::function<std::shared_ptr<Encodings>()> make;
  bool can_truncate = true;
  bool sees_documents = true;  // of itself: a carried sum goes over their ends
};

const std::vector<Encoding> encodings{
    {"none", [] { return compose(std::make_shared<PositionalEncoding>()); }},
    {"slopes", [] { return compose(std::make_shared<Slopes>()); }},
    {"table", [] { return compose(std::make_shared<Table>(0)); }},
    {"waves", [] { return compose(std::make_shared<Waves>()); }},
    {"heights", [] { return compose(std::make_shared<Heights>()); }},
    {"gate", [] { return compose(std::make_shared<Gate>()); }},
    {"carrier", [] { return compose(std::make_shared<Carrier>()); }, false, false},
    {"two_gates",  // which keep what they remember under one name
     [] {
       return compose({{"", "a", std::make_shared<Gate>()}, {"", "b", std::make_shared<Gate>()}});
     }},
    {"gate_and_slopes",
     [] {
       return compose({{"", "gate", std::make_shared<Gate>()}, {"", "slopes", std::make_shared<Slopes>()}});
     }},
    {"layer_list",  // gate+slopes@5,table
     [] {
       return compose({{"", "gate", std::make_shared<Gate>()},
                       {"", "slopes", std::make_shared<Slopes>()},
                       {"", "table", std::make_shared<Table>(0)}},
                      {{{0, 1}, 5}, {{2}, 0}});
     }},
};

class Chunks : public testing::TestWithParam<Encoding> {
 protected:
  void SetUp() override { at::manual_seed(3); }
};
INSTANTIATE_TEST_SUITE_P(All, Chunks, testing::ValuesIn(encodings),
                         [](const auto& info) { return info.param.name; });

TEST_P(Chunks, AreOneForward) {
  Model model(GetParam().make());
  const at::Tensor tokens = some_tokens(B, T), whole = model.features(tokens);
  for (const auto& split : splits) EXPECT_LT(apart(model.chunked(tokens, split), whole), tolerance);
}

TEST_P(Chunks, GoOnAfterReorderingForkingSavingAndTruncating) {
  Model model(GetParam().make());
  const at::Tensor tokens = some_tokens(B, 7), rows = at::tensor({1, 0, 1}, at::kLong);
  const auto state = model.state();
  model.features(tokens, {.state = state.get()});

  const auto copy = model.state();
  copy->restore(state->tensors());
  const auto twice = state->fork(2);
  const at::Tensor more = some_tokens(4, 5, 9);
  const at::Tensor of_four = at::cat({tokens.repeat_interleave(2, 0), more}, 1);
  EXPECT_LT(apart(model.features(more, {.state = twice.get()}), model.features(of_four).narrow(1, 7, 5)),
            tolerance);

  copy->reorder(rows);
  EXPECT_EQ(copy->rows(), 3);
  const at::Tensor of_three = at::cat({tokens.index_select(0, rows), more.narrow(0, 0, 3)}, 1);
  EXPECT_LT(apart(model.features(more.narrow(0, 0, 3), {.state = copy.get()}),
                  model.features(of_three).narrow(1, 7, 5)),
            tolerance);

  ASSERT_EQ(state->truncate(4), GetParam().can_truncate);
  EXPECT_EQ(state->length(), GetParam().can_truncate ? 4 : 7);
  const at::Tensor other = some_tokens(B, 5, 11), kept = tokens.narrow(1, 0, state->length());
  EXPECT_LT(apart(model.features(other, {.state = state.get()}),
                  model.features(at::cat({kept, other}, 1)).narrow(1, kept.size(1), 5)),
            tolerance);
  EXPECT_TRUE(state->truncate(0));
  EXPECT_LT(apart(model.features(tokens, {.state = state.get()}), model.features(tokens)), tolerance);
}

/// Of encodings that know where a row, or a document, ends.
class Packed : public Chunks {};
INSTANTIATE_TEST_SUITE_P(All, Packed, testing::ValuesIn([] {
                           std::vector<Encoding> all = encodings;
                           std::erase_if(all, [](const Encoding& one) { return !one.sees_documents; });
                           return all;
                         }()),
                         [](const auto& info) { return info.param.name; });

TEST_P(Packed, DocumentsOfARowAreRowsOfTheirOwn) {
  Model model(GetParam().make());
  const at::Tensor tokens = some_tokens(1, T);
  const at::Tensor documents = at::cat({at::full({1, 5}, 3), at::full({1, 6}, 8), at::full({1, 1}, 3)}, 1);
  std::vector<at::Tensor> alone;
  for (const auto& [begin, length] : std::vector<std::pair<int, int>>{{0, 5}, {5, 6}, {11, 1}})
    alone.push_back(model.features(tokens.narrow(1, begin, length)));
  const at::Tensor expected = at::cat(alone, 1);
  EXPECT_LT(apart(model.features({.tokens = tokens, .document_ids = documents.to(at::kLong)}), expected),
            tolerance);
  const auto state = model.state(1);
  std::vector<at::Tensor> parts;
  for (const std::int64_t length : {3, 4, 5}) {
    const std::int64_t past = state->length();
    parts.push_back(model.features({.tokens = tokens.narrow(1, past, length),
                                    .document_ids = documents.narrow(1, past, length).to(at::kLong)},
                                   {.state = state.get()}));
  }
  EXPECT_LT(apart(at::cat(parts, 1), expected), tolerance);
}

TEST_P(Packed, PromptsOfUnequalLengthsGoOn) {
  Model model(GetParam().make());
  const at::Tensor long_row = some_tokens(1, 6), short_row = some_tokens(1, 4, 6),
                   more = some_tokens(B, 3, 9);
  const at::Tensor gap = at::full({1, 2}, padding, at::kLong);
  const auto alone = [&](const at::Tensor& row, std::int64_t b) {
    return model.features(at::cat({row, more.narrow(0, b, 1)}, 1)).narrow(1, row.size(1), 3);
  };
  const at::Tensor expected = at::cat({alone(long_row, 0), alone(short_row, 1)});
  for (const bool left : {false, true}) {
    const auto state = model.state();
    const at::Tensor padded = left ? at::cat({gap, short_row}, 1) : at::cat({short_row, gap}, 1);
    model.features(at::cat({long_row, padded}), {.state = state.get()});
    EXPECT_LT(apart(model.features(more, {.state = state.get()}), expected), tolerance) << left;
  }
}

TEST(DecodingState, IsNotWholeWithoutWhatEncodingsCarry) {
  at::manual_seed(3);
  Model carried(std::make_shared<Carrier>());
  const at::Tensor tokens = some_tokens(B, T);
  const auto state = carried.state();
  carried.features(tokens.narrow(1, 0, 6), {.state = state.get()});
  NamedTensors saved = state->tensors();
  std::erase_if(saved, [](const auto& one) { return one.first.find("carried") != std::string::npos; });
  const auto forgetful = carried.state();
  forgetful->restore(saved);
  const at::Tensor rest = tokens.narrow(1, 6, 6), whole = carried.features(tokens).narrow(1, 6, 6);
  EXPECT_LT(apart(carried.features(rest, {.state = state.get()}), whole), tolerance);
  EXPECT_GT(apart(carried.features(rest, {.state = forgetful.get()}), whole), 1e-3);
}

TEST(DecodingState, WithGradientsGivesThoseOfOneForward) {
  at::manual_seed(3);
  MultiheadAttention attention({.dim = C, .heads = H});
  attention.to(at::kDouble);
  const auto none = compose(std::vector<EncodingInstance>());
  const auto gradient = [&](const std::vector<std::int64_t>& split) {
    const at::Tensor x = (at::arange(B * T * C, at::kDouble).view({B, T, C}) * 0.7).sin().requires_grad_();
    DecodingState state({.rows = B, .planned = T, .layers = 1});
    at::Tensor sum = at::zeros({}, at::kDouble);
    for (const std::int64_t length : split) {
      ForwardPass run(*none, {.tokens = at::full({B, length}, 5, at::kLong)}, {}, {.state = &state});
      const at::Tensor y = attention.forward(x.narrow(1, state.length(), length), run, 0);
      sum = sum + run.finish(y).square().sum();
    }
    sum.backward();
    return x.grad();
  };
  EXPECT_LT(apart(gradient({5, 1, 6}), gradient({12})), tolerance);
}

/// Throws in the second layer, when told to.
struct Mine final : PositionalEncoding {
  void scores(Scores&, Layer& layer) override {
    if (explodes && layer.index() == 1) throw Error(ExitCode::runtime, "boom");
  }
  bool explodes = false;
};

std::string refusal(const std::function<void()>& call, ExitCode code) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "nothing";
}

TEST(DecodingState, RefusesABatchThatItIsNotOf) {
  at::manual_seed(3);
  const auto mine = std::make_shared<Mine>();
  Model model(mine), other(std::make_shared<PositionalEncoding>());
  const at::Tensor tokens = some_tokens(B, T), ids = at::tensor({3, 4}, at::kLong);
  const auto state = model.state();
  model.features({.ids = ids, .tokens = tokens.narrow(1, 0, 7)}, {.state = state.get()});
  const auto refused = [&](Model& by, const Batch& batch) {
    return refusal([&] { by.features(batch, {.state = state.get()}); }, ExitCode::runtime);
  };
  const at::Tensor rest = tokens.narrow(1, 7, 5);
  EXPECT_EQ(refused(model, {.tokens = some_tokens(3, 2)}),
            "decoding state: it holds 2 rows, the batch has 3. A batch continues the rows of the state; "
            "reorder() changes them.");
  EXPECT_EQ(refused(model, {.ids = ids + 1, .tokens = rest}),
            "decoding state: it holds other samples than the batch; each batch needs a state of its own.");
  EXPECT_EQ(
      refused(model, {.tokens = some_tokens(B, 6)}),
      "decoding state: it was made for 12 tokens; with this batch there would be 13. Plan for the prompt "
      "and all that follows.");
  EXPECT_EQ(refused(other, {.tokens = rest}),
            "decoding state: it was made by another model; ask this one for a state of its own.");
  EXPECT_NE(refused(model, {.tokens = rest, .document_ids = rest}).find("in some chunks only"),
            std::string::npos);
  mine->explodes = true;
  EXPECT_EQ(refused(model, {.tokens = rest}), "boom");
  mine->explodes = false;
  // none of them has changed it
  EXPECT_LT(apart(model.features(rest, {.state = state.get()}), model.features(tokens).narrow(1, 7, 5)),
            tolerance);
}

TEST(DecodingState, RefusesRowsLengthsAndTensorsThatItHasNot) {
  at::manual_seed(3);
  Model model(std::make_shared<Carrier>());
  const auto state = model.state();
  model.features(some_tokens(B, 4), {.state = state.get()});
  const NamedTensors saved = state->tensors();
  const auto runtime = ExitCode::runtime, data = ExitCode::data;
  EXPECT_NE(refusal(
                [&] {
                  state->reorder(at::tensor({0, 2}, at::kLong));
                },
                runtime)
                .find("from 0 to 2"),
            std::string::npos);
  EXPECT_NE(refusal([&] { state->reorder(at::tensor({0.0})); }, runtime).find("integers"), std::string::npos);
  EXPECT_EQ(refusal([&] { state->truncate(5); }, runtime),
            "decoding state: it holds 4 columns and cannot be truncated to 5.");
  EXPECT_NE(
      refusal([&] { DecodingState({.rows = 0, .planned = 4}); }, ExitCode::configuration).find("0 rows"),
      std::string::npos);
  struct {
    const char *from, *to;
  } renamed[] = {{"layers.1.k", "layers.2.k"},
                 {"layers.0.v", "layers.0.w"},
                 {"real", "unreal"},
                 {"layers.1.v", "layers.x.v"},
                 {"positions", "layers."}};
  for (const auto& [from, to] : renamed) {
    NamedTensors wrong = saved;
    for (auto& [name, tensor] : wrong) {
      if (name == from) name = to;
    }
    EXPECT_NE(refusal([&, &wrong = wrong] { state->restore(wrong); }, data), "nothing") << to;
  }
  const auto three = model.state(3), shorter = model.state(B, 3);
  EXPECT_NE(refusal([&] { three->restore(saved); }, data).find("3 rows"), std::string::npos);
  EXPECT_NE(refusal([&] { shorter->restore(saved); }, data).find("3 are planned"), std::string::npos);
  EXPECT_EQ(state->length(), 4);  // as it was
}

}  // namespace
}  // namespace nopos
