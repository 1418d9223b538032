/// K: sequences that come in chunks.

#include <ATen/ATen.h>

#include "cases.h"
#include "measures.h"

namespace nopos::conformance {
namespace {

const std::string of_past =
    "Of earlier chunks a hook sees what it is told: positions in query_positions() and key_positions(), "
    "terms over all S keys, its own tensors through layer.append() and carry(). Nothing may depend on the "
    "length of the chunk.";

std::vector<std::int64_t> ones(std::int64_t count) {
  return std::vector<std::int64_t>(static_cast<std::size_t>(count), 1);
}

/// What `state` gives for more columns, in these chunks, against one forward over `before` and `more`.
double continued(Model& model, DecodingState& state, const at::Tensor& before, const at::Tensor& more,
                 const std::vector<std::int64_t>& split) {
  std::vector<at::Tensor> parts;
  for (const std::int64_t size : split) {
    const std::int64_t begin = state.length() - before.size(1);
    parts.push_back(model.features(more.narrow(1, begin, size), {.state = &state}));
  }
  const at::Tensor whole = at::cat({before, more}, 1);
  const at::Tensor expected = model.planned_features({.tokens = whole}, state.planned());
  return apart(expected.narrow(1, before.size(1), more.size(1)), at::cat(parts, 1));
}

}  // namespace

Outcome chunks_are_one_forward(const Subject& subject, const Setting& setting) {
  Model model(subject, setting);
  return chunk_errors(model, some_tokens(2, length), {{3, 4, 6}, {7, 1, 5}, {12, 1}})
      .outcome(equal_in_double, of_past);
}

Outcome single_tokens_are_one_forward(const Subject& subject, const Setting& setting) {
  Model model(subject, setting);
  return chunk_errors(model, some_tokens(2, length), {ones(length)}).outcome(equal_in_double, of_past);
}

Outcome one_token_after_many(const Subject& subject, const Setting& setting) {
  Model model(subject, setting);
  const std::int64_t most = at_most(model, 200);
  Worst worst;
  for (const std::int64_t columns : {std::int64_t{2}, most}) {
    const Worst one = chunk_errors(model, some_tokens(2, columns), {{columns - 1, 1}});
    worst.add(one.difference(), "features of one token after " + std::to_string(columns - 1));
  }
  return worst.outcome(equal_in_double, of_past);
}

Outcome beams(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting);
  const at::Tensor tokens = some_tokens(2, length), rows = at::tensor({1, 0, 1}, at::kLong);
  const auto state = model.state(2, length + 5);
  model.features(tokens, {.state = state.get()});
  state->reorder(rows);
  Worst worst;
  worst.add(continued(model, *state, tokens.index_select(0, rows), some_tokens(3, 5, 9), {4, 1}),
            "features after rows 0 1 became 1 0 1");
  return worst.outcome(equal_in_double,
                       "What it remembers of earlier chunks must be in layer.append() or carry(), where the "
                       "decoding state reorders it.");
}

Outcome truncated_states(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting);
  const at::Tensor tokens = some_tokens(2, length), more = some_tokens(2, 5, 11);
  const auto state = model.state(2, length + 5);
  model.features(tokens, {.state = state.get()});
  const bool truncated = state->truncate(6);
  Worst worst;
  worst.add(continued(model, *state, tokens.narrow(1, 0, state->length()), more, {4, 1}),
            "features after 13 tokens were truncated to " + std::to_string(state->length()));
  if (!state->truncate(0)) return failed("A state cannot be truncated to 0 columns.");
  worst.add(continued(model, *state, tokens.narrow(1, 0, 0), more, {5}), "features after a truncation to 0");
  Outcome outcome =
      worst.outcome(equal_in_double, "Something is left of tokens that the decoding state has forgotten.");
  if (!truncated) outcome.note = "It carries a tensor, so states are truncated to 0 columns only.";
  return outcome;
}

Outcome restored_states(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting), other(subject, setting);
  const at::Tensor tokens = some_tokens(2, length), more = some_tokens(2, 4, 9);
  const auto state = model.state(2, length + 4), restored = other.state(2, length + 4);
  for (const std::int64_t begin : {0, 7}) {
    const at::Tensor chunk = tokens.narrow(1, begin, begin == 0 ? 7 : length - 7);
    model.features(chunk, {.state = state.get()});
  }
  restored->restore(state->tensors());
  Worst worst;
  worst.add(
      apart(model.features(more, {.state = state.get()}), other.features(more, {.state = restored.get()})),
      "features with the state, and with a copy of it in another instance");
  return worst.outcome(0,
                       "What it remembers of earlier chunks must be in layer.append() or carry(), which are "
                       "saved, not in members.");
}

Outcome unequal_prompts(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting);
  const at::Tensor tokens = some_tokens(2, 6), more = some_tokens(2, 4, 9);
  const at::Tensor gap = at::full({1, 2}, padding, at::kLong),
                   shorter = tokens.narrow(0, 1, 1).narrow(1, 0, 4);
  const std::int64_t planned = 10;
  const auto alone = [&](const at::Tensor& prompt, std::int64_t row) {
    const at::Tensor whole = at::cat({prompt, more.narrow(0, row, 1)}, 1);
    return model.planned_features({.tokens = whole}, planned).narrow(1, prompt.size(1), 4);
  };
  const at::Tensor expected = at::cat({alone(tokens.narrow(0, 0, 1), 0), alone(shorter, 1)});
  Worst worst;
  for (const bool in_front : {false, true}) {
    const at::Tensor padded = in_front ? at::cat({gap, shorter}, 1) : at::cat({shorter, gap}, 1);
    const auto state = model.state(2, planned);
    model.features(at::cat({tokens.narrow(0, 0, 1), padded}), {.state = state.get()});
    std::vector<at::Tensor> parts;
    for (const std::int64_t begin : {0, 1, 2})
      parts.push_back(model.features(more.narrow(1, begin, begin < 2 ? 1 : 2), {.state = state.get()}));
    worst.add(apart(expected, at::cat(parts, 1)),
              std::string("features after prompts of 6 and 4 tokens, padding ") +
                  (in_front ? "in front" : "between prompt and answer"));
  }
  return worst.outcome(equal_in_double,
                       "A token's place is forward.positions(), not its column, and padding (forward.real()) "
                       "counts nowhere, between tokens either.");
}

Outcome planned_lengths(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting);
  const at::Tensor tokens = some_tokens(2, length), more = some_tokens(2, 5, 11);
  const std::int64_t longer = at_most(model, 40);
  const at::Tensor planned = model.planned_features({.tokens = tokens}, longer);
  Worst worst;
  worst.add(apart(planned, model.chunked({.tokens = tokens}, {3, 4, 6}, longer)),
            "features in chunks of 3 4 6, with 40 columns planned");
  if (!model.encodings().depends_on_planned()) {
    worst.add(apart(planned, model.planned_features({.tokens = tokens}, length)),
              "features with 40 and with 13 columns planned");
  }
  const auto state = model.state(2, length);
  model.features(tokens, {.state = state.get()});
  const bool grown = state->grow(longer);
  if (grown)
    worst.add(continued(model, *state, tokens, more, {4, 1}),
              "features after the plan grew from 13 to 40 columns");
  Outcome outcome = worst.outcome(equal_in_double,
                                  "What depends on a length depends on forward.planned(), the same in all "
                                  "chunks, and is declared: declare().depends_on_planned().");
  if (!grown) outcome.note = "A sequence that outgrows its plan is computed again.";
  return outcome;
}

}  // namespace nopos::conformance
