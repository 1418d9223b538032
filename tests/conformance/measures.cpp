#include "measures.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace nopos::conformance {
namespace {

std::string named(const std::vector<std::int64_t>& split) {
  if (split.size() > 4) return std::to_string(split.size()) + " chunks of one token";
  std::string text = "chunks of";
  for (const std::int64_t size : split) text.append(1, ' ').append(std::to_string(size));
  return text;
}

}  // namespace

at::Tensor some_tokens(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  at::manual_seed(seed);
  return at::randint(padding + 3, 50, {rows, columns}, at::kLong);
}

double apart(const at::Tensor& a, const at::Tensor& b) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (!a.defined() || !b.defined() || a.sizes() != b.sizes()) return infinite;
  if (a.numel() == 0) return 0;
  const double most = (a.detach().to(at::kDouble) - b.detach().to(at::kDouble)).abs().max().item<double>();
  return std::isnan(most) ? infinite : most;
}

bool is_finite(const at::Tensor& x) { return x.isfinite().all().item<bool>(); }

std::int64_t at_most(Model& model, std::int64_t columns) {
  return std::min(columns, model.encodings().max_length().value_or(columns));
}

at::Tensor compared_features(Model& model, const Batch& batch, std::int64_t columns) {
  return model.encodings().depends_on_planned() ? model.planned_features(batch, columns)
                                                : model.features(batch);
}

at::Tensor generator_state() { return at::globalContext().defaultGenerator(at::kCPU).get_state(); }

at::Tensor loss_of(const at::Tensor& features) {
  const at::Tensor places = at::arange(features.numel(), features.options().requires_grad(false));
  return (features * places.mul(0.7).cos().view(features.sizes())).sum();
}

void clear_gradients(Model& model) {
  for (const auto& [name, parameter] : model.parameters()) parameter.mutable_grad() = at::Tensor();
}

std::vector<at::Tensor> gradients_of(Model& model, const at::Tensor& tokens) {
  clear_gradients(model);
  loss_of(model.features(tokens)).backward();
  std::vector<at::Tensor> all;
  for (const auto& [name, parameter] : model.parameters())
    all.push_back(parameter.grad().defined() ? parameter.grad().clone() : at::Tensor());
  return all;
}

Worst gradient_errors(Model& model, const std::string& prefix) {
  constexpr double step = 1e-6;
  const at::Tensor tokens = some_tokens(2, 9);
  const std::vector<at::Tensor> analytic = gradients_of(model, tokens);
  const NamedTensors parameters = model.parameters();
  Worst worst;
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, parameter] = parameters[i];
    if (!name.starts_with(prefix) || !parameter.requires_grad()) continue;
    const at::Tensor before = parameter.detach().clone();
    for (int direction = 0; direction < 2; ++direction) {
      const at::Tensor along = at::randn_like(before);
      const auto loss_at = [&](double far) {
        parameter.detach().copy_(before + far * along);
        return loss_of(model.features(tokens)).item<double>();
      };
      const double numeric = (loss_at(step) - loss_at(-step)) / (2 * step);
      parameter.detach().copy_(before);
      const double own = analytic[i].defined() ? (analytic[i] * along).sum().item<double>() : 0;
      worst.add(std::abs(numeric - own) / std::max(1.0, std::abs(numeric)), name);
    }
  }
  return worst;
}

Worst chunk_errors(Model& model, const at::Tensor& tokens,
                   const std::vector<std::vector<std::int64_t>>& splits) {
  const at::NoGradGuard no_grad;
  const at::Tensor whole = model.features(tokens);
  Worst worst;
  for (const auto& split : splits)
    worst.add(apart(whole, model.chunked({.tokens = tokens}, split)), "features in " + named(split));
  return worst;
}

}  // namespace nopos::conformance
