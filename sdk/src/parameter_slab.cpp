#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "nopos/optimizer.h"
#include "nopos/simd.h"

namespace nopos {
namespace {

// Elements; value, gradient and two states of a block fit into a level-2 cache.
constexpr std::int64_t block_size = 1 << 14;
constexpr std::size_t max_states = 8;

NOPOS_SIMD_CLONES
double sum_of_squares(std::int64_t size, const float* values) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < size; ++i) sum += static_cast<double>(values[i]) * values[i];
  return sum;
}

// Every segment begins at a cache line.
constexpr std::int64_t whole_lines(std::int64_t size) { return (size + 15) / 16 * 16; }

// Backward leaves dense float gradients of the parameter's layout; whatever else arrives is copied once.
void make_contiguous(std::vector<ParameterSlab::Segment>& segments) {
  for (ParameterSlab::Segment& segment : segments) {
    if (const at::Tensor& grad = segment.parameter.grad(); grad.defined() && !grad.is_contiguous()) {
      segment.parameter.mutable_grad() = grad.contiguous();
    }
  }
}

}  // namespace

ParameterSlab::ParameterSlab(std::vector<std::pair<std::string, at::Tensor>> parameters,
                             std::vector<std::string> state_names)
    : ParameterSlab(std::move(parameters), std::move(state_names),
                    [](const std::string&, at::IntArrayRef shape) { return std::optional(shape.vec()); }) {}

ParameterSlab::ParameterSlab(std::vector<std::pair<std::string, at::Tensor>> parameters,
                             const Optimizer& optimizer)
    : ParameterSlab(std::move(parameters), optimizer.state_names(),
                    [&optimizer](const std::string& name, at::IntArrayRef shape) {
                      return optimizer.state_shape(name, shape);
                    }) {}

ParameterSlab::ParameterSlab(std::vector<std::pair<std::string, at::Tensor>> parameters,
                             std::vector<std::string> state_names, const StateShape& state_shape)
    : state_names_(std::move(state_names)) {
  TORCH_CHECK(state_names_.size() <= max_states, "an optimizer has at most ", max_states, " states");
  std::int64_t total = 0;
  for (auto& [name, parameter] : parameters) {
    TORCH_CHECK(parameter.scalar_type() == at::kFloat, "parameter ", name, " is not float32");
    const std::int64_t size = parameter.numel();
    for (std::int64_t begin = 0; begin < size; begin += block_size) {
      blocks_.push_back({segments_.size(), begin, std::min(block_size, size - begin), total + begin});
    }
    segments_.push_back({std::move(name), parameter, total, 0});
    total += whole_lines(size);
  }
  const at::NoGradGuard no_grad;
  values_ = at::zeros({total}, at::kFloat);
  for (Segment& segment : segments_) {
    const at::Tensor place =
        values_.narrow(0, segment.offset, segment.parameter.numel()).view_as(segment.parameter);
    place.copy_(segment.parameter);
    segment.parameter.set_data(place);
  }
  for (const std::string& name : state_names_) {
    State& state = states_.emplace_back();
    std::int64_t size = 0;
    for (const Segment& segment : segments_) {
      auto shape = state_shape(name, segment.parameter.sizes());
      if (shape) {
        const std::int64_t offset = std::exchange(size, size + whole_lines(c10::multiply_integers(*shape)));
        state.places.push_back(Place{offset, std::move(*shape)});
      } else {
        state.places.emplace_back();
      }
    }
    state.values = at::zeros({size}, at::kFloat);
  }
}

/// Calls `handle(block, index)` in parallel for the blocks of the segments that have a gradient. The slab is
/// divided by elements, not by blocks, so that threads get equal shares however small the segments are.
template <class Handle>
void ParameterSlab::for_touched_blocks(const Handle& handle) const {
  at::parallel_for(0, values_.numel(), block_size, [&](std::int64_t begin, std::int64_t end) {
    const auto starts_before = [](const Block& block, std::int64_t offset) { return block.offset < offset; };
    auto block = std::lower_bound(blocks_.begin(), blocks_.end(), begin, starts_before);
    for (; block != blocks_.end() && block->offset < end; ++block) {
      if (segments_[block->segment].parameter.grad().defined()) {
        handle(*block, static_cast<std::size_t>(block - blocks_.begin()));
      }
    }
  });
}

void ParameterSlab::update(Optimizer& optimizer, double lr, double grad_scale) {
  make_contiguous(segments_);
  for (Segment& segment : segments_) segment.step += segment.parameter.grad().defined() ? 1 : 0;
  if (const double limit = optimizer.max_grad_norm(); limit > 0) {
    if (const double norm = grad_norm(grad_scale); norm > limit) grad_scale *= limit / norm;
  }
  optimizer.begin_update(lr);

  const auto update_run = [&](std::size_t index, std::int64_t begin, std::int64_t size) {
    const Segment& segment = segments_[index];
    std::array<float*, max_states> state{};
    for (std::size_t s = 0; s < states_.size(); ++s) {
      const auto& place = states_[s].places[index];
      state[s] = place ? states_[s].values.mutable_data_ptr<float>() + place->offset + begin : nullptr;
    }
    optimizer.update({.size = size,
                      .value = values_.mutable_data_ptr<float>() + segment.offset + begin,
                      .grad = segment.parameter.grad().const_data_ptr<float>() + begin,
                      .grad_scale = static_cast<float>(grad_scale),
                      .state = {state.data(), states_.size()},
                      .step = segment.step,
                      .shape = segment.parameter.sizes()});
  };
  if (optimizer.elementwise()) {
    for_touched_blocks([&](const Block& block, std::size_t /*index*/) {
      update_run(block.segment, block.begin, block.size);
    });
  } else {
    for (std::size_t i = 0; i < segments_.size(); ++i) {
      const at::Tensor& parameter = segments_[i].parameter;
      if (parameter.grad().defined()) update_run(i, 0, parameter.numel());
    }
  }
}

double ParameterSlab::grad_norm(double grad_scale) {
  make_contiguous(segments_);
  std::vector<double> sums(blocks_.size());
  for_touched_blocks([&](const Block& block, std::size_t index) {
    const at::Tensor& grad = segments_[block.segment].parameter.grad();
    sums[index] = sum_of_squares(block.size, grad.const_data_ptr<float>() + block.begin);
  });
  return std::sqrt(std::accumulate(sums.begin(), sums.end(), 0.0)) * grad_scale;
}

void ParameterSlab::clear_grads() {
  for (Segment& segment : segments_) segment.parameter.mutable_grad().reset();
}

at::Tensor ParameterSlab::state(std::size_t index, const std::string& name) const {
  const auto found = std::find(state_names_.begin(), state_names_.end(), name);
  TORCH_CHECK(found != state_names_.end(), "no optimizer state called ", name);
  const State& state = states_.at(static_cast<std::size_t>(found - state_names_.begin()));
  const auto& place = state.places.at(index);
  if (!place) return {};
  return state.values.narrow(0, place->offset, c10::multiply_integers(place->shape)).view(place->shape);
}

}  // namespace nopos
