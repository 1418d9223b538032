#pragma once
/// Runs an optimizer on one parameter and hands back what a table of numbers can be compared with.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nopos/parameter_slab.h"

namespace nopos::test {

/// The three updates whose results fairseq printed: theta = (1, -2), gradients (1, .5), (.2, -.3),
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

/// How far 32-bit arithmetic may be from the formula in double, relative to the parameter.
constexpr double row_tolerance = 1e-6;

/// 60 updates of 1003 elements (no multiple of a vector) with changing rates and gradients, through the slab,
/// against the formula.
inline void expect_follows(Optimizer& optimizer, Formula formula, double tolerance = row_tolerance) {
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

/// A parameter, its gradient and whatever state a formula keeps, in double.
struct InDouble {
  std::vector<std::int64_t> shape;
  std::vector<double> theta, grad;
  std::map<std::string, std::vector<double>> state;
};

/// One update `t` (from 1) of all parameters with rate `lr`.
using WholeFormula = std::function<void(int t, double lr, std::vector<InDouble>& parameters)>;

/// A scalar, a vector, a matrix and a stack of matrices in a slab, with gradients that change.
class Problem {
 public:
  explicit Problem(Optimizer& optimizer) : optimizer_(optimizer) {
    for (const auto& shape : std::vector<std::vector<std::int64_t>>{{}, {37}, {9, 13}, {2, 3, 5}}) {
      at::Tensor values = at::linspace(-1, 2, c10::multiply_integers(shape), at::kFloat) + 0.1;
      parameters.emplace_back(std::to_string(shape.size()), values.view(shape));
    }
    slab.emplace(parameters, optimizer);
  }

  static double rate(int t) { return 0.02 * (1 + 0.5 * std::sin(0.3 * t)); }

  /// The gradient of `parameter` at update t, as 32-bit numbers; the optimizer gets it times four.
  static at::Tensor gradient(std::size_t parameter, int t, at::IntArrayRef shape) {
    const at::Tensor index = at::arange(c10::multiply_integers(shape), at::kFloat);
    const at::Tensor wave = (index * 1.3 + 0.7 * t + static_cast<double>(parameter)).cos();
    return (wave + 0.2 * index.remainder(5)).mul(0.5).view(shape);
  }

  void update(int t) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      parameters[i].second.mutable_grad() = 4 * gradient(i, t, parameters[i].second.sizes());
    }
    slab->update(optimizer_, rate(t), /*grad_scale=*/0.25);
  }

  std::vector<std::pair<std::string, at::Tensor>> parameters;
  std::optional<ParameterSlab> slab;

 private:
  Optimizer& optimizer_;
};

inline std::vector<double> in_double(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(at::kDouble).contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

/// 50 updates of a scalar, a vector, a matrix and a stack of matrices against the formula, to 1e-6 of each
/// parameter's norm after every update.
inline void expect_follows_whole(Optimizer& optimizer, const WholeFormula& formula) {
  Problem problem(optimizer);
  std::vector<InDouble> expected;
  for (const auto& [name, parameter] : problem.parameters) {
    expected.push_back({parameter.sizes().vec(), in_double(parameter), {}, {}});
  }
  for (int t = 1; t <= 50; ++t) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i].grad = in_double(Problem::gradient(i, t, expected[i].shape));
    }
    formula(t, Problem::rate(t), expected);
    problem.update(t);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const at::Tensor wanted = at::tensor(expected[i].theta, at::kDouble);
      const at::Tensor found = problem.parameters[i].second.detach().flatten().to(at::kDouble);
      ASSERT_LT(((found - wanted).norm() / wanted.norm()).item<double>(), row_tolerance)
          << "update " << t << ", parameter of " << i << " dimensions";
    }
  }
}

/// Stops after 7 updates and continues from parameters, state and group in a new optimizer: the same bits as
/// without the stop. `make` makes the optimizer.
template <class Make>
void expect_resumes(const Make& make) {
  const auto first = make(), second = make();
  Problem whole(*first), resumed(*second);
  for (int t = 1; t <= 7; ++t) whole.update(t);
  second->restore_group(first->group());
  for (std::size_t i = 0; i < whole.parameters.size(); ++i) {
    resumed.parameters[i].second.copy_(whole.parameters[i].second);
    resumed.slab->segments()[i].step = whole.slab->segments()[i].step;
    for (const std::string& name : first->state_names()) {
      if (const at::Tensor state = resumed.slab->state(i, name); state.defined()) {
        state.copy_(whole.slab->state(i, name));
      }
    }
  }
  for (int t = 8; t <= 20; ++t) {
    whole.update(t);
    resumed.update(t);
  }
  for (std::size_t i = 0; i < whole.parameters.size(); ++i) {
    EXPECT_TRUE(at::equal(whole.parameters[i].second, resumed.parameters[i].second)) << i << " dimensions";
  }
}

/// The names of the group, in their order, with spaces between.
inline std::string group_names(const Optimizer& optimizer) {
  std::string names;
  for (const auto& [name, value] : optimizer.group()) names += (names.empty() ? "" : " ") + name;
  return names;
}

}  // namespace nopos::test
