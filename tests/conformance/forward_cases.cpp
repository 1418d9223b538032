/// F: one forward, whatever the batch.

#include <ATen/ATen.h>

#include "cases.h"
#include "measures.h"

namespace nopos::conformance {
namespace {

at::Tensor gap(std::int64_t rows, std::int64_t columns) {
  return at::full({rows, columns}, padding, at::kLong);
}

/// Two documents, of 6 tokens and the rest.
at::Tensor documents_of(const at::Tensor& tokens) {
  at::Tensor documents = at::full(tokens.sizes(), 4, at::kLong);
  documents.narrow(1, 0, 6).fill_(2);
  return documents;
}

/// A row beside a longer one, against the row alone.
Outcome padded(const Subject& subject, const Setting& setting, bool in_front) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting);
  const std::int64_t shorter = length - 5;
  const at::Tensor tokens = some_tokens(2, length), row = tokens.narrow(0, 0, 1).narrow(1, 0, shorter);
  const at::Tensor with_gap = in_front ? at::cat({gap(1, 5), row}, 1) : at::cat({row, gap(1, 5)}, 1);
  const Batch both{.tokens = at::cat({with_gap, tokens.narrow(0, 1, 1)})};
  const at::Tensor alone = compared_features(model, {.tokens = row}, length);
  const auto of_row = [&](const at::Tensor& features) {
    return features.narrow(0, 0, 1).narrow(1, in_front ? 5 : 0, shorter);
  };
  Worst worst;
  worst.add(apart(alone, of_row(compared_features(model, both, length))),
            "features of the row in one forward");
  if (setting.mode.causal)
    worst.add(apart(alone, of_row(model.chunked(both, {3, 4, 6}))), "features of the row in chunks of 3 4 6");
  return worst.outcome(equal_in_double,
                       in_front
                           ? "Padding stands in front of it: positions are those of forward.positions(), not "
                             "counted in columns; sums and means leave padding out (forward.real())."
                           : "Padding stands behind it: sums and means over tokens leave padding out "
                             "(forward.real()), and lengths are not counted in columns.");
}

}  // namespace

Outcome all_sizes_work(const Subject& subject, const Setting& setting) {
  Model model(subject, setting);
  for (const bool training : {false, true}) {
    model.train(training);
    for (const std::int64_t rows : {1, 3}) {
      for (const std::int64_t columns : {1, 2, 13, 65}) {
        const at::NoGradGuard no_grad;
        if (columns > at_most(model, columns)) continue;
        const at::Tensor features = model.features(some_tokens(rows, columns));
        if (is_finite(features)) continue;
        return failed("Features of " + std::to_string(rows) + " rows of " + std::to_string(columns) +
                      " tokens are not finite" + (training ? " in training." : "."));
      }
    }
  }
  return {};
}

Outcome the_future_is_unseen(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting);
  const at::Tensor tokens = some_tokens(2, length);
  Worst worst;
  for (const std::int64_t kept : {1, 8, 12}) {
    at::Tensor other = tokens.clone();
    other.narrow(1, kept, length - kept).copy_(some_tokens(2, length - kept, 21));
    worst.add(apart(model.features(tokens).narrow(1, 0, kept), model.features(other).narrow(1, 0, kept)),
              "features of the first " + std::to_string(kept) + " tokens, with other tokens behind them");
  }
  return worst.outcome(
      equal_in_double,
      "It looks at later tokens. In a hook a token may depend on itself and those before it.");
}

Outcome padding_behind(const Subject& subject, const Setting& setting) {
  return padded(subject, setting, false);
}
Outcome padding_in_front(const Subject& subject, const Setting& setting) {
  return padded(subject, setting, true);
}

Outcome packed_documents(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting);
  const at::Tensor tokens = some_tokens(2, length);
  const Batch packed{.tokens = tokens, .document_ids = documents_of(tokens)};
  const auto alone = [&](std::int64_t begin, std::int64_t size) {
    return compared_features(model, {.tokens = tokens.narrow(1, begin, size)}, length);
  };
  const at::Tensor expected = at::cat({alone(0, 6), alone(6, length - 6)}, 1);
  Worst worst;
  worst.add(apart(expected, compared_features(model, packed, length)), "features of two documents in a row");
  if (setting.mode.causal)
    worst.add(apart(expected, model.chunked(packed, {3, 4, 6})),
              "features of two documents in chunks of 3 4 6");
  return worst.outcome(equal_in_double,
                       "Positions start again with each document (forward.positions()), and what a token "
                       "reads of earlier ones must be of its own document (forward.documents()).");
}

Outcome rows_are_independent(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting);
  const at::Tensor tokens = some_tokens(3, length), all = model.features(tokens);
  Worst worst;
  for (std::int64_t row = 0; row < 3; ++row) {
    worst.add(apart(all.narrow(0, row, 1), model.features(tokens.narrow(0, row, 1))),
              "features of row " + std::to_string(row) + " alone and beside two others");
  }
  const at::Tensor order = at::tensor({2, 0, 1}, at::kLong);
  worst.add(apart(all.index_select(0, order), model.features(tokens.index_select(0, order))),
            "features after the rows changed places");
  return worst.outcome(1e-12, "A row must not depend on the others of its batch.");
}

Outcome nothing_is_remembered(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  const std::string advice =
      "A hook kept something in a member. Tensors of one forward belong into forward.once(), those of "
      "earlier chunks into layer.append() or carry().";
  Model model(subject, setting);
  const at::Tensor tokens = some_tokens(2, length), first = model.features(tokens);
  model.features(some_tokens(1, length + 9, 31));
  model.features({.tokens = tokens, .document_ids = documents_of(tokens)});
  const Batch padded{.tokens = at::cat({gap(2, 3), tokens}, 1)};
  model.features(padded);
  Worst worst;
  worst.add(apart(first, model.features(tokens)), "features before and after other forwards");
  Model other(subject, setting);
  other.features(padded);
  worst.add(apart(first, other.features(tokens)), "features of an instance that saw a padded batch first");
  return worst.outcome(0, advice);
}

Outcome order_is_seen(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting, {.layers = 1});  // several causal layers see it without any encoding
  const at::Tensor tokens = some_tokens(1, length);
  at::Tensor swapped = tokens.clone();
  swapped.select(1, 9).copy_(tokens.select(1, 11));
  swapped.select(1, 11).copy_(tokens.select(1, 9));
  const auto last = [&](const at::Tensor& of) { return model.features(of).select(1, length - 1); };
  const double difference = apart(last(tokens), last(swapped));
  if (difference > 1e-6) return {};
  const std::string sentence = "Tokens 9 and 11 change places, and the last token's features stay the same.";
  if (!subject.expects_order) return {.failure = {}, .note = sentence};
  return failed(sentence + " The encoding has no effect in a model of one layer.");
}

}  // namespace nopos::conformance
