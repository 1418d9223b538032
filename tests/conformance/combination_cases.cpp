/// M: several encodings in one model.

#include <ATen/ATen.h>

#include "cases.h"
#include "measures.h"
#include "nopos/error.h"

namespace nopos::conformance {
namespace {

std::vector<std::int64_t> ones(std::int64_t count) {
  return std::vector<std::int64_t>(static_cast<std::size_t>(count), 1);
}

/// The model works in chunks, and its gradients are right; or a sentence of what is wrong.
std::string faults_of(Model& model, const std::string& name) {
  const Outcome chunks =
      chunk_errors(model, some_tokens(2, length), {{3, 4, 6}, ones(length)}).outcome(equal_in_double, "");
  if (!chunks.failure.empty()) return "In " + name + ": " + chunks.failure;
  const Outcome gradients = gradient_errors(model, "encoding.").outcome(1e-5, "");
  if (!gradients.failure.empty()) return "In " + name + ", gradients: " + gradients.failure;
  return {};
}

std::string not_with(const Subject& companion, const Error& error) {
  return "Not with " + companion.name + ": " + error.what() + " ";
}

}  // namespace

Outcome combinations(const Subject& subject, const Setting& setting) {
  const std::string layers = "three layers, with it, without it, and with it in a window of 4 tokens";
  const std::string advice =
      "Parameters of a layer are found by layer.index(), which counts the layers that have the encoding, not "
      "by layer.depth().";
  try {
    Model mixed({subject}, shape_of(setting.mode, 2),
                {.plan = {{.use = {0}}, {}, {.use = {0}, .window = 4}}});
    const std::string fault = faults_of(mixed, layers);
    if (!fault.empty()) return failed(fault + advice);
  } catch (const std::exception& error) {
    return failed("In " + layers + " it failed: " + std::string(error.what()).substr(0, 200) + ". " + advice);
  }
  Outcome outcome;
  for (const Subject& companion : setting.companions) {
    try {
      Model both({subject, companion}, shape_of(setting.mode));
      const std::string fault = faults_of(both, "a model that also has " + companion.name);
      if (!fault.empty()) return failed(fault);
    } catch (const Error& error) {
      if (error.code() != ExitCode::configuration) throw;
      outcome.note += not_with(companion, error);
    }
  }
  return outcome;
}

Outcome order_of_combinations(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  const at::Tensor tokens = some_tokens(2, length);
  Outcome outcome;
  for (const Subject& companion : setting.companions) {
    const auto features = [&](std::vector<std::size_t> order) {
      Model model({subject, companion}, shape_of(setting.mode),
                  {.plan = std::vector<LayerEncodings>(3, LayerEncodings{.use = std::move(order)})});
      return model.features(tokens);
    };
    double difference = 0;
    try {
      difference = apart(features({0, 1}), features({1, 0}));
    } catch (const Error& error) {
      if (error.code() != ExitCode::configuration) throw;
      outcome.note += not_with(companion, error);
    }
    if (difference <= equal_in_double) continue;
    if (companion.only_terms || subject.only_terms) {
      Worst worst;
      worst.add(difference, "features with it before and behind " + companion.name);
      return worst.outcome(equal_in_double,
                           "Terms of the scores are summed, whatever their order: none may depend on what "
                           "was declared before it.");
    }
    outcome.note += "The order matters with " + companion.name + ". ";
  }
  return outcome;
}

}  // namespace nopos::conformance
