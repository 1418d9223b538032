/// P: float32, bfloat16, and fast paths.

#include <ATen/ATen.h>

#include <algorithm>

#include "cases.h"
#include "measures.h"

namespace nopos::conformance {
namespace {

/// Tokens at positions from `first` on.
Batch tokens_from(std::int64_t first) {
  const at::Tensor tokens = some_tokens(2, length);
  if (first == 0) return {.tokens = tokens};
  const at::Tensor positions = at::arange(first, first + length).expand(tokens.sizes()).contiguous();
  return {.tokens = tokens, .positions = positions};
}

double size_of(const at::Tensor& x) { return x.to(at::kDouble).square().mean().sqrt().item<double>(); }

/// How far bfloat16 is from double, with equal weights, of features of size 1.
double rounding(const Subject& subject, const Setting& setting, std::int64_t first, bool formula) {
  const Batch batch = tokens_from(first);
  Model wide(subject, setting, {.rounded = true});
  const at::Tensor exact = wide.features(batch);
  const FormulaOnly guard(formula);
  Model narrow(subject, setting, {.type = at::kBFloat16, .rounded = true});
  return size_of(narrow.features(batch).to(at::kDouble) - exact) / size_of(exact);
}

struct Named {
  std::string name;
  Batch batch;
};

/// Batches that kernels treat differently; `most` is the longest sequence of the encoding.
std::vector<Named> batches_of(std::int64_t most) {
  std::vector<Named> all;
  for (const std::int64_t columns : {13, 65, 300}) {
    if (columns <= most)
      all.push_back({std::to_string(columns) + " tokens", {.tokens = some_tokens(2, columns)}});
  }
  at::Tensor padded = some_tokens(2, length), documents = at::zeros({2, length}, at::kLong);
  padded[0].narrow(0, 0, 5).fill_(padding);
  documents.narrow(1, 6, length - 6).fill_(1);
  all.push_back({"13 columns, padding in front,", {.tokens = padded}});
  all.push_back({"two documents in a row", {.tokens = some_tokens(2, length), .document_ids = documents}});
  return all;
}

struct Pass {
  at::Tensor features;
  std::vector<at::Tensor> gradients;
  std::string paths;
};

Pass pass_of(const Subject& subject, const Setting& setting, const Batch& batch, double dropout,
             bool formula) {
  const FormulaOnly guard(formula);
  Model model(subject, setting, {.type = at::kFloat, .dropout = dropout});
  model.train(dropout > 0);
  at::manual_seed(2);
  Pass pass{.features = model.features(batch) * batch.tokens.ne(padding).unsqueeze(2),
            .gradients = {},
            .paths = attention_paths(model.encodings())};
  loss_of(pass.features).backward();
  for (const auto& [name, parameter] : model.parameters()) pass.gradients.push_back(parameter.grad());
  return pass;
}

/// A prompt, and then single tokens; `batch` has 13 columns.
Pass decoded(const Subject& subject, const Setting& setting, const Batch& batch, bool formula) {
  const FormulaOnly guard(formula);
  const at::NoGradGuard no_grad;
  Model model(subject, setting, {.type = at::kFloat});
  const at::Tensor features = model.chunked(batch, {6, 4, 1, 1, 1}) * batch.tokens.ne(padding).unsqueeze(2);
  return {features, {}, attention_paths(model.encodings())};
}

double relative(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() && !b.defined()) return 0;
  return apart(a, b) / (a.defined() ? std::max(1.0, a.abs().max().item<double>()) : 1);
}

/// Appends the paths that are not yet named.
void note(std::string& all, const std::string& paths) {
  if (all.find(paths) == std::string::npos) all += (all.empty() ? "" : "; ") + paths;
}

}  // namespace

Outcome fast_paths(const Subject& subject, const Setting& setting) {
  Worst worst;
  std::string paths;
  Model named(subject, setting);
  const NamedTensors parameters = named.parameters();
  for (const auto& [name, batch] : batches_of(at_most(named, 300))) {
    if (setting.mode.causal && batch.tokens.size(1) == length) {
      const Pass fast = decoded(subject, setting, batch, false);
      note(paths, fast.paths);
      worst.add(relative(decoded(subject, setting, batch, true).features, fast.features),
                "features of " + name + " in chunks and single tokens, by a fast path and by the formula");
    }
    for (const double dropout : {0.0, 0.1}) {
      const Pass fast = pass_of(subject, setting, batch, dropout, false);
      note(paths, fast.paths);
      if (dropout > 0 && fast.paths.find("ATen") != std::string::npos) continue;  // which draws by itself
      const Pass slow = pass_of(subject, setting, batch, dropout, true);
      const std::string of =
          " of " + name + (dropout > 0 ? " with dropout" : "") + ", by a fast path and by the formula";
      worst.add(relative(slow.features, fast.features), "features" + of);
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        worst.add(relative(slow.gradients[i], fast.gradients[i]) / 10,
                  "a tenth of the gradients of " + parameters[i].first + of);
      }
    }
  }
  Outcome outcome = worst.outcome(2e-5,
                                  "A term gives other scores in a kernel than in the formula: its sizes or "
                                  "its strides may be unusual, or it changes between the two.");
  outcome.note = paths;
  return outcome;
}

Outcome bfloat16_is_as_exact(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  const Subject none{.name = "none",
                     .make = [](const ModelShape&) { return std::make_shared<PositionalEncoding>(); }};
  Model model(subject, setting);
  const double least = rounding(none, setting, 0, true);
  Outcome outcome{.tolerance = 3, .failure = {}, .note = {}};
  for (const std::int64_t first : {0, 300, 3000}) {
    if (at_most(model, first + length) < first + length) continue;
    for (const bool formula : {true, false}) {
      const double ratio = rounding(subject, setting, first, formula) / least;
      outcome.difference = std::max(outcome.difference, ratio);
      if (ratio <= outcome.tolerance) continue;  // not a number is too much, too
      return failed("At positions from " + std::to_string(first) + ", bfloat16 is " +
                    std::to_string(static_cast<int>(std::min(1e6, ratio))) +
                    " times less exact than without an encoding. Positions, phases and distances are "
                    "computed in float32, constants kept as Constant, and parameters that need it declared: "
                    "declare().keeps_float32(name).");
    }
  }
  return outcome;
}

Outcome float32_is_kept(const Subject& subject, const Setting& setting) {
  Model model(subject, setting, {.type = at::kBFloat16});
  model.train(true);
  for (int update = 0; update < 2; ++update) {
    gradients_of(model, some_tokens(2, length));
    const at::NoGradGuard no_grad;
    for (const auto& [name, parameter] : model.parameters()) {
      if (parameter.grad().defined()) parameter.detach().sub_(parameter.grad() * 1e-3);
    }
    model.encodings().after_update();
  }
  for (const at::Tensor& parameter : model.encodings().kept_in_float32()) {
    if (parameter.scalar_type() != at::kFloat)
      return failed("A parameter that it declared to stay in float32 is " +
                    std::string(c10::toString(parameter.scalar_type())) + " after two updates.");
  }
  const at::NoGradGuard no_grad;
  if (!is_finite(model.features(some_tokens(2, length))))
    return failed("Features are not finite after two updates in bfloat16.");
  return {};
}

}  // namespace nopos::conformance
