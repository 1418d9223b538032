#pragma once
/// Runs an optimizer on one parameter and hands back what a table of numbers can be compared with.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "nopos/optimizer.h"

namespace nopos::test {

/// The three updates whose results the reference printed: theta = (1, -2), gradients (1, .5), (.2, -.3),
/// (-.4, .1), rates .1, .2, .05. The gradients are passed doubled, with `grad_scale` one half.
/// Returns [3][2], the parameter after each update; `state` receives the first state at the end.
inline std::vector<std::array<double, 2>> three_updates(Optimizer& optimizer,
                                                        std::array<double, 2>* state = nullptr) {
  const std::vector<std::array<float, 2>> grads{{1, 0.5}, {0.2, -0.3}, {-0.4, 0.1}};
  const std::vector<double> rates{0.1, 0.2, 0.05};
  at::Tensor theta = at::tensor({1.0f, -2.0f});
  ParameterSlab slab({{"theta", theta}}, optimizer.state_names());
  const auto pair = [](const at::Tensor& t) {
    return std::array<double, 2>{t[0].item<double>(), t[1].item<double>()};
  };
  std::vector<std::array<double, 2>> trace;
  for (std::size_t i = 0; i < grads.size(); ++i) {
    theta.mutable_grad() = at::tensor({2 * grads[i][0], 2 * grads[i][1]});
    slab.update(optimizer, rates[i], /*grad_scale=*/0.5);
    trace.push_back(pair(theta));
  }
  if (state != nullptr) *state = pair(slab.state(0, optimizer.state_names()[0]));
  return trace;
}

/// One element of the formula in double: update `t` (from 1) with rate `lr`, gradient `g`; changes `theta`
/// and its `state`.
using Formula = void (*)(int t, double lr, double g, double& theta, std::array<double, 2>& state);

/// 60 updates of 1003 elements (no multiple of a vector) with changing rates and gradients, through the slab,
/// against the formula.
inline void expect_follows(Optimizer& optimizer, Formula formula, double tolerance = 3e-5) {
  constexpr int updates = 60, size = 1003;
  const auto rate = [](int t) { return 0.02 * (1 + 0.5 * std::sin(0.3 * t)); };
  const auto gradient = [](int t, int i) {
    return static_cast<float>(std::cos(0.7 * t + i) + 0.3 * (i % 5));
  };

  at::Tensor parameter = at::linspace(-2, 2, size, at::kFloat);
  std::vector<double> theta(parameter.data_ptr<float>(), parameter.data_ptr<float>() + size);
  std::vector<std::array<double, 2>> state(size);
  ParameterSlab slab({{"parameter", parameter}}, optimizer.state_names());
  for (int t = 1; t <= updates; ++t) {
    at::Tensor grad = at::empty({size}, at::kFloat);
    for (int i = 0; i < size; ++i) {
      grad.data_ptr<float>()[i] = gradient(t, i);
      formula(t, rate(t), 0.25 * gradient(t, i), theta[static_cast<std::size_t>(i)],
              state[static_cast<std::size_t>(i)]);
    }
    parameter.mutable_grad() = grad;
    slab.update(optimizer, rate(t), /*grad_scale=*/0.25);
  }
  for (int i = 0; i < size; ++i) {
    const double expected = theta[static_cast<std::size_t>(i)];
    ASSERT_NEAR(parameter.data_ptr<float>()[i], expected, tolerance * (1 + std::abs(expected)))
        << "element " << i;
  }
}

}  // namespace nopos::test
