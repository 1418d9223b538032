#include "nopos/nn/initial_weights.h"

#include <ATen/ATen.h>

#include <cmath>

namespace nopos {
namespace {

thread_local int guards = 0;  // NoInitialWeights that live

}  // namespace

NoInitialWeights::NoInitialWeights() { ++guards; }
NoInitialWeights::~NoInitialWeights() { --guards; }

void init_linear_(at::Tensor weight, at::Tensor bias) {
  if (guards > 0) return;
  const at::NoGradGuard no_grad;
  const auto fan_in = static_cast<double>(weight.size(1));
  // Kaiming's uniform bound with slope sqrt(5), which is 1/sqrt(fan_in) but for rounding.
  const double slope = std::sqrt(5.0);
  const double bound = std::sqrt(3.0) * (std::sqrt(2.0 / (1 + slope * slope)) / std::sqrt(fan_in));
  weight.uniform_(-bound, bound);
  if (bias.defined()) bias.uniform_(-1 / std::sqrt(fan_in), 1 / std::sqrt(fan_in));
}

void init_xavier_(at::Tensor weight, double gain) {
  if (guards > 0) return;
  const at::NoGradGuard no_grad;
  const double deviation = gain * std::sqrt(2.0 / static_cast<double>(weight.size(0) + weight.size(1)));
  const double bound = std::sqrt(3.0) * deviation;
  weight.uniform_(-bound, bound);
}

void init_embedding_(at::Tensor weight, std::optional<std::int64_t> zero_row) {
  if (guards > 0) return;
  const at::NoGradGuard no_grad;
  weight.normal_(0, std::pow(static_cast<double>(weight.size(1)), -0.5));
  if (zero_row && *zero_row < weight.size(0)) weight[*zero_row].zero_();
}

at::Tensor fresh_embedding(std::int64_t rows, std::int64_t dim) {
  at::Tensor weight = at::empty({rows, dim});
  if (guards == 0) weight.normal_();
  return weight;
}

}  // namespace nopos
