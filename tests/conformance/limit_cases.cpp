/// L: how long a sequence may be, and whether its places are told apart.

#include <ATen/ATen.h>

#include <algorithm>

#include "cases.h"
#include "measures.h"
#include "nopos/error.h"

namespace nopos::conformance {
namespace {

/// What a token of an otherwise uniform text looks like at each place, as the encodings before it left it.
struct Probe final : PositionalEncoding {
  at::Tensor embed(at::Tensor x, const Forward&) override {
    add("embed", x[0]);
    return x;
  }
  Heads inputs(Heads x, Layer&) override {
    for (const at::Tensor& one : {x.q, x.k, x.v}) add("inputs", one[0]);
    return x;
  }
  Heads transform(Heads heads, Layer&) override {
    for (const at::Tensor& one : {heads.q, heads.k, heads.v})
      add("transform", one[0].transpose(0, 1).flatten(1));
    return heads;
  }
  void add(const char* hook, const at::Tensor& of_places) { seen.emplace_back(hook, of_places.clone()); }

  NamedTensors seen;  // [T,...]
};

/// The scores of the last query, in the first layer.
struct LastQuery final : Observer {
  bool wants_weights(std::int64_t layer) const override { return layer == 0; }
  void weights(std::int64_t layer, const at::Tensor& weights) override {
    if (layer == 0) scores = weights[0].select(1, weights.size(2) - 1).log().t().clone();
  }
  at::Tensor scores;  // [S,H], up to a constant
};

double smallest_gap(const at::Tensor& of_places) {
  const std::int64_t count = of_places.size(0);
  return (at::cdist(of_places, of_places) + at::eye(count, of_places.options()) * 1e9).min().item<double>();
}

}  // namespace

Outcome longest_sequence(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting);
  const auto most = model.encodings().max_length();
  if (!most) return {.failure = {}, .note = "It declares no longest sequence."};
  if (!is_finite(model.features(some_tokens(1, *most))))
    return failed("Features of " + std::to_string(*most) + " tokens, its declared maximum, are not finite.");
  try {
    model.features(some_tokens(1, *most + 1));
  } catch (const Error& error) {
    const bool says_it = std::string(error.what()).find(std::to_string(*most)) != std::string::npos;
    if (error.code() == ExitCode::configuration && says_it) return {};
    return failed(std::string("A sequence that is too long ends in: ") + error.what());
  }
  return failed("It declares at most " + std::to_string(*most) + " tokens, but takes one more.");
}

Outcome longer_than_trained(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting);
  if (model.encodings().max_length()) return {.failure = {}, .note = "It declares a longest sequence."};
  for (const std::int64_t columns : {4 * shape_of(setting.mode).train_length, std::int64_t{300}}) {
    if (is_finite(model.features(some_tokens(1, columns)))) continue;
    return failed("Features of " + std::to_string(columns) +
                  " tokens are not finite. What ends somewhere says where: declare().max_length(tokens).");
  }
  return {};
}

Outcome places_differ(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  const auto probe = std::make_shared<Probe>();
  const Subject watching{.name = "probe", .make = [&](const ModelShape&) { return probe; }};
  Model model({subject, watching}, shape_of(setting.mode, 1), {.layers = 1});
  const std::int64_t columns = at_most(model, 64);
  LastQuery last;
  model.features({.tokens = at::full({1, columns}, 7, at::kLong)}, {.observer = &last});
  NamedTensors seen = probe->seen;
  if (is_finite(last.scores))
    seen.emplace_back("scores", last.scores);  // else far keys have no weight at all
  std::vector<at::Tensor> marks;
  std::string hooks;
  for (const auto& [hook, values] : seen) {
    if (apart(values, values.narrow(0, 0, 1).expand_as(values)) < 1e-12) continue;
    marks.push_back(values);
    if (hooks.find(hook) == std::string::npos) hooks += (hooks.empty() ? "" : ", ") + hook;
  }
  if (marks.empty()) return {.failure = {}, .note = "It changes nothing by itself."};
  const double gap = smallest_gap(at::cat(marks, 1));
  Outcome outcome{
      .difference = gap, .tolerance = 1e-6, .failure = {}, .note = "Places differ in " + hooks + "."};
  if (gap > 1e-6) return outcome;
  const std::string sentence = "Among the first " + std::to_string(columns) +
                               " places, two look alike, though places differ in " + hooks + ".";
  subject.repeats ? outcome.note = sentence
                  : outcome.failure = sentence + " A table wraps around, or is indexed too coarsely.";
  return outcome;
}

}  // namespace nopos::conformance
