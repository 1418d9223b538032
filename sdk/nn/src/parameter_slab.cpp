#include "nopos/parameter_slab.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "float_runs.h"
#include "nopos/nn/simd.h"

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

NOPOS_SIMD_CLONES
float largest(std::int64_t size, const float* values) {
  float largest = 0;
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 0; i < size; ++i) largest = std::max(largest, std::abs(values[i]));
  return largest;
}

constexpr float largest_half = 65504;

bool stays_float32(const ParameterInfo& parameter) { return parameter.has("keeps_float32"); }

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
                    [](const std::string&, at::IntArrayRef shape) { return std::optional(shape.vec()); }, {},
                    {}) {}

ParameterSlab::ParameterSlab(std::vector<std::pair<std::string, at::Tensor>> parameters,
                             const Optimizer& optimizer, WeightPrecision precision, const Tags& tags)
    : ParameterSlab(
          std::move(parameters), optimizer.state_names(),
          [&optimizer](const std::string& name, at::IntArrayRef shape) {
            return optimizer.state_shape(name, shape);
          },
          precision, tags) {}

ParameterSlab::ParameterSlab(std::vector<std::pair<std::string, at::Tensor>> parameters,
                             std::vector<std::string> state_names, const StateShape& state_shape,
                             WeightPrecision precision, const Tags& tags)
    : state_names_(std::move(state_names)), precision_(precision) {
  TORCH_CHECK(state_names_.size() <= max_states, "an optimizer has at most ", max_states, " states");
  const at::ScalarType type = precision.weights == at::kHalf ? at::kFloat : precision.weights;
  for (auto& [name, parameter] : parameters) {
    ParameterInfo info{.name = name, .shape = parameter.sizes().vec()};
    if (const auto found = tags.find(name); found != tags.end()) info.tags = found->second;
    const at::ScalarType wanted = stays_float32(info) ? at::kFloat : type;
    TORCH_CHECK(parameter.scalar_type() == wanted, "parameter ", name, " is not of type ", wanted);
    const std::int64_t size = parameter.numel();
    for (std::int64_t begin = 0; begin < size; begin += block_size) {
      blocks_.push_back({segments_.size(), begin, std::min(block_size, size - begin), total_ + begin});
    }
    segments_.push_back({std::move(name), parameter, std::move(info), total_, 0});
    total_ += whole_lines(size);
  }
  const at::NoGradGuard no_grad;
  values_ = at::zeros({total_}, type);
  for (Segment& segment : segments_) {
    const std::int64_t size = segment.parameter.numel();
    const at::Tensor memory =
        stays_float32(segment.info) ? at::empty({size}, at::kFloat) : values_.narrow(0, segment.offset, size);
    const at::Tensor place = memory.view_as(segment.parameter);
    place.copy_(segment.parameter);
    segment.parameter.set_data(place);
  }
  if (precision.master) master_ = at::empty({total_}, at::kFloat);
  weights_changed();
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

bool ParameterSlab::touched(const Segment& segment) const {
  return precision_.master || segment.parameter.grad().defined();
}

/// Calls `handle(block, index)` in parallel for the blocks of the segments that are touched. The slab is
/// divided by elements, not by blocks, so that threads get equal shares however small the segments are.
template <class Handle>
void ParameterSlab::for_touched_blocks(const Handle& handle) const {
  at::parallel_for(0, total_, block_size, [&](std::int64_t begin, std::int64_t end) {
    const auto starts_before = [](const Block& block, std::int64_t offset) { return block.offset < offset; };
    auto block = std::lower_bound(blocks_.begin(), blocks_.end(), begin, starts_before);
    for (; block != blocks_.end() && block->offset < end; ++block) {
      if (touched(segments_[block->segment])) {
        handle(*block, static_cast<std::size_t>(block - blocks_.begin()));
      }
    }
  });
}

void ParameterSlab::update(Optimizer& optimizer, double lr, double grad_scale) {
  make_contiguous(segments_);
  for (Segment& segment : segments_) segment.step += touched(segment) ? 1 : 0;
  if (const double limit = optimizer.max_grad_norm(); limit > 0) {
    if (const double norm = grad_norm(grad_scale); norm > limit) grad_scale *= limit / norm;
  }
  optimizer.begin_update(lr);

  const auto scale = static_cast<float>(grad_scale);
  if (optimizer.elementwise()) {
    for_touched_blocks([&](const Block& block, std::size_t /*index*/) {
      update_run(optimizer, block.segment, block.begin, block.size, scale);
    });
  } else {
    for (std::size_t i = 0; i < segments_.size(); ++i) {
      if (touched(segments_[i])) update_run(optimizer, i, 0, segments_[i].parameter.numel(), scale);
    }
  }
}

/// Where values or gradients are not float32 they pass through buffers of this thread, which a block keeps in
/// the cache.
void ParameterSlab::update_run(const Optimizer& optimizer, std::size_t index, std::int64_t begin,
                               std::int64_t size, float grad_scale) const {
  thread_local std::vector<float> value_buffer, grad_buffer;
  const Segment& segment = segments_[index];
  const at::Tensor& parameter = segment.parameter;
  std::array<float*, max_states> state{};
  for (std::size_t s = 0; s < states_.size(); ++s) {
    const auto& state_place = states_[s].places[index];
    state[s] =
        state_place ? states_[s].values.mutable_data_ptr<float>() + state_place->offset + begin : nullptr;
  }
  const bool in_float = parameter.scalar_type() == at::kFloat;
  float* const value = precision_.master ? master_.mutable_data_ptr<float>() + segment.offset + begin
                       : in_float        ? parameter.mutable_data_ptr<float>() + begin
                                         : widened(parameter, begin, size, value_buffer);
  const at::Tensor& grad = parameter.grad();
  optimizer.update({.size = size,
                    .value = value,
                    .grad = grad.defined() && in_float ? grad.const_data_ptr<float>() + begin
                                                       : widened(grad, begin, size, grad_buffer),
                    .grad_scale = grad_scale,
                    .state = {state.data(), states_.size()},
                    .step = segment.step,
                    .parameter = &segment.info});
  if (stays_float32(segment.info)) {
    if (precision_.master) std::copy_n(value, size, parameter.mutable_data_ptr<float>() + begin);
  } else if (precision_.weights != at::kFloat) {
    round_to(precision_.weights, value, size, parameter, begin);
  }
}

double ParameterSlab::grad_norm(double grad_scale) {
  make_contiguous(segments_);
  std::vector<double> sums(blocks_.size());
  for_touched_blocks([&](const Block& block, std::size_t index) {
    thread_local std::vector<float> buffer;
    const at::Tensor& grad = segments_[block.segment].parameter.grad();
    if (!grad.defined()) return;
    const float* values = grad.scalar_type() == at::kFloat ? grad.const_data_ptr<float>() + block.begin
                                                           : widened(grad, block.begin, block.size, buffer);
    sums[index] = sum_of_squares(block.size, values);
    if (precision_.weights == at::kHalf && largest(block.size, values) > largest_half) {
      sums[index] = std::numeric_limits<double>::infinity();
    }
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

at::Tensor ParameterSlab::master(std::size_t index) const {
  if (!master_.defined()) return {};
  const at::Tensor& parameter = segments_.at(index).parameter;
  return master_.narrow(0, segments_[index].offset, parameter.numel()).view(parameter.sizes());
}

void ParameterSlab::weights_changed() {
  if (precision_.weights == at::kHalf) values_.copy_(values_.to(at::kHalf));
  if (!master_.defined()) return;
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < segments_.size(); ++i) master(i).copy_(segments_[i].parameter);
}

void ParameterSlab::weights_adjusted(std::string_view tag) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    if (!segment.info.has(tag)) continue;
    const bool is_rounded = !stays_float32(segment.info);
    if (is_rounded && precision_.weights == at::kHalf)
      segment.parameter.copy_(segment.parameter.to(at::kHalf));
    if (!master_.defined()) continue;
    const at::Tensor wide = master(i), value = segment.parameter.to(at::kFloat);
    const at::Tensor rounded = is_rounded ? wide.to(precision_.weights).to(at::kFloat) : wide;
    wide.copy_(at::where(rounded.eq(value), wide, value));
  }
}

}  // namespace nopos
