/// G: gradients. R: random numbers.

#include <ATen/ATen.h>

#include <algorithm>

#include "cases.h"
#include "measures.h"

namespace nopos::conformance {
namespace {

const std::string of_encoding = "encoding.";
const std::string of_gradients =
    "What is computed from a parameter, or from x, q and k, must stay in the graph: no detach(), no values "
    "written behind autograd's back, and a backward of one's own must be the derivative of its forward.";

/// Two lists of gradients, relative to their size.
Worst gradient_differences(const Model& model, const std::vector<at::Tensor>& a,
                           const std::vector<at::Tensor>& b) {
  Worst worst;
  const NamedTensors parameters = model.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!a[i].defined() && !b[i].defined()) continue;
    const double size = a[i].defined() ? a[i].abs().max().item<double>() : 1;
    worst.add(apart(a[i], b[i]) / std::max(1.0, size), "gradients of " + parameters[i].first);
  }
  return worst;
}

at::Tensor drawn_features(Model& model, std::uint64_t seed) {
  const at::Tensor tokens = some_tokens(2, length);
  at::manual_seed(seed);
  return model.features(tokens);
}

}  // namespace

Outcome parameter_gradients(const Subject& subject, const Setting& setting) {
  Model model(subject, setting);
  return gradient_errors(model, of_encoding).outcome(1e-5, of_gradients);
}

Outcome input_gradients(const Subject& subject, const Setting& setting) {
  Model model(subject, setting);
  return gradient_errors(model, "embedding").outcome(1e-5, of_gradients);
}

Outcome every_parameter_learns(const Subject& subject, const Setting& setting) {
  Model model(subject, setting);
  const NamedTensors parameters = model.parameters();
  std::vector<bool> learned(parameters.size());
  for (const std::uint64_t seed : {5, 6, 7}) {
    const std::vector<at::Tensor> gradients = gradients_of(model, some_tokens(2, length, seed));
    for (std::size_t i = 0; i < parameters.size(); ++i)
      learned[i] = learned[i] || (gradients[i].defined() && gradients[i].abs().max().item<double>() > 0);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (learned[i] || !parameters[i].second.requires_grad() || !parameters[i].first.starts_with(of_encoding))
      continue;
    return failed("The parameter " + parameters[i].first.substr(of_encoding.size()) +
                  " gets no gradient in three batches: it is unused, or detached from the graph. One that is "
                  "not trained says so: requires_grad false.");
  }
  return {};
}

Outcome recomputed_gradients(const Subject& subject, const Setting& setting) {
  Model kept(subject, setting), recomputed(subject, setting, {.recomputes = true});
  const at::Tensor tokens = some_tokens(2, length);
  const auto gradients = [&](Model& model) {
    model.train(true);
    at::manual_seed(2);
    return gradients_of(model, tokens);
  };
  const std::vector<at::Tensor> plain = gradients(kept);
  return gradient_differences(kept, plain, gradients(recomputed))
      .outcome(1e-12,
               "Backward calls the hooks of a layer once more: a hook must do the same again, and tensors "
               "with a graph are shared between layers by forward.once() only.");
}

Outcome summed_gradients(const Subject& subject, const Setting& setting) {
  Model model(subject, setting);
  const at::Tensor first = some_tokens(2, length), second = some_tokens(2, 9, 6);
  clear_gradients(model);
  (loss_of(model.features(first)) + loss_of(model.features(second))).backward();
  std::vector<at::Tensor> together;
  for (const auto& [name, parameter] : model.parameters())
    together.push_back(parameter.grad().defined() ? parameter.grad().clone() : at::Tensor());
  clear_gradients(model);
  for (const at::Tensor& tokens : {first, second}) loss_of(model.features(tokens)).backward();
  std::vector<at::Tensor> apiece;
  for (const auto& [name, parameter] : model.parameters()) apiece.push_back(parameter.grad());
  return gradient_differences(model, together, apiece)
      .outcome(1e-12,
               "Each forward has a graph of its own: tensors that are computed from parameters are made in "
               "every forward, not once in a member.");
}

Outcome evaluation_draws_nothing(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting);
  const at::Tensor tokens = some_tokens(2, length), before = generator_state();
  const at::Tensor first = model.features(tokens);
  if (!at::equal(before, generator_state()))
    return failed("It draws random numbers in evaluation; a hook does so only if forward.training().");
  Worst worst;
  worst.add(apart(first, model.features(tokens)), "features of two equal forwards in evaluation");
  return worst.outcome(0, "Evaluation repeats itself: no random numbers, no state, no clock.");
}

Outcome training_follows_the_seed(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  Model model(subject, setting);
  model.train(true);
  const std::string advice =
      "Random numbers come from the default generator (at::rand and the like), whose state checkpoints keep.";
  const at::Tensor first = drawn_features(model, 2);
  Worst worst;
  worst.add(apart(first, drawn_features(model, 2)), "features of two training forwards with one seed");
  at::manual_seed(7);
  const at::Tensor before = generator_state(), other = drawn_features(model, 7);
  if (at::equal(before, generator_state()))
    worst.add(apart(first, other), "features with two seeds, though nothing is drawn");
  return worst.outcome(0, advice);
}

Outcome positions_are_drawn_once(const Subject& subject, const Setting& setting) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> states;
  for (const std::int64_t layers : {1, 3}) {
    Model model(subject, setting, {.layers = layers});
    model.train(true);
    drawn_features(model, 2);
    states.push_back(generator_state());
  }
  if (at::equal(states[0], states[1])) return {};
  if (subject.draws_per_layer) return {.failure = {}, .note = "It draws in every layer."};
  return failed(
      "Three layers draw more random numbers than one: what is drawn for a forward (positions, a shift) is "
      "drawn in positions() or by forward.once(), so that all layers agree.");
}

}  // namespace nopos::conformance
