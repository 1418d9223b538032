#include "attention_rows.h"

#include <algorithm>
#include <array>
#include <limits>

#include "nopos/nn/simd.h"
#include "vector_math.h"

namespace nopos {
namespace {

constexpr auto lanes = static_cast<std::size_t>(row_lanes);
using Lanes = std::array<float, lanes>;  // else the compiler must keep the order of one sum

float sum(const Lanes& parts) {
  float result = 0;
  for (const float part : parts) result += part;
  return result;
}

/// The three parts of a span: the first value repeated, the run, the last value repeated.
struct Parts {
  std::int64_t run, after;

  Parts(const Run& values, Span span)
      : run(std::clamp(values.shift, span.begin, span.end)),
        after(std::clamp(values.shift + values.size, run, span.end)) {}
};

}  // namespace

NOPOS_SIMD_CLONES
float greatest_of_row(std::int64_t whole_lanes, const float* __restrict row) {
  Lanes most;
  most.fill(-std::numeric_limits<float>::infinity());
  for (std::int64_t i = 0; i < whole_lanes; i += row_lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const float value = row[i + static_cast<std::int64_t>(lane)];
      most[lane] = most[lane] > value ? most[lane] : value;
    }
  }
  return *std::max_element(most.begin(), most.end());
}

NOPOS_SIMD_CLONES
float row_exponentials(std::int64_t whole_lanes, float most, float* __restrict row) {
  Lanes sums{};
  for (std::int64_t i = 0; i < whole_lanes; i += row_lanes) {
    float* const part = row + i;
    for (std::size_t lane = 0; lane < lanes; ++lane) part[lane] = vector_exp(part[lane] - most);
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += part[lane];
  }
  return sum(sums);
}

namespace {

NOPOS_SIMD_CLONES
void backward_whole(std::int64_t size, float log_sum, float mean, float* __restrict scores,
                    float* __restrict grads) {
  for (std::int64_t i = 0; i < size; ++i) {
    const float weight = vector_exp(scores[i] - log_sum);
    scores[i] = weight;
    grads[i] = weight * (grads[i] - mean);
  }
}

NOPOS_SIMD_CLONES
void backward_dropped(std::int64_t size, float log_sum, float mean, const float* __restrict factors,
                      float* __restrict scores, float* __restrict grads) {
  for (std::int64_t i = 0; i < size; ++i) {
    const float weight = vector_exp(scores[i] - log_sum);
    scores[i] = weight * factors[i];
    grads[i] = weight * (grads[i] * factors[i] - mean);
  }
}

}  // namespace

void row_backward(std::int64_t whole_lanes, float log_sum, float mean, const float* factors, float* scores,
                  float* grads) {
  if (factors == nullptr) return backward_whole(whole_lanes, log_sum, mean, scores, grads);
  backward_dropped(whole_lanes, log_sum, mean, factors, scores, grads);
}

NOPOS_SIMD_CLONES
void add_to_row(std::int64_t size, const float* __restrict terms, float* __restrict row) {
  for (std::int64_t i = 0; i < size; ++i) row[i] += terms[i];
}

NOPOS_SIMD_CLONES
void add_to_row(std::int64_t size, float term, float* __restrict row) {
  for (std::int64_t i = 0; i < size; ++i) row[i] += term;
}

NOPOS_SIMD_CLONES
void multiply_row(std::int64_t size, const float* __restrict factors, float* __restrict row) {
  for (std::int64_t i = 0; i < size; ++i) row[i] *= factors[i];
}

NOPOS_SIMD_CLONES
void multiply_row(std::int64_t size, float factor, float* __restrict row) {
  for (std::int64_t i = 0; i < size; ++i) row[i] *= factor;
}

NOPOS_SIMD_CLONES
float sum_of_row(std::int64_t size, const float* __restrict row) {
  Lanes sums{};
  std::int64_t i = 0;
  for (; i + row_lanes <= size; i += row_lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += row[i + static_cast<std::int64_t>(lane)];
  }
  float rest = 0;
  for (; i < size; ++i) rest += row[i];
  return sum(sums) + rest;
}

NOPOS_SIMD_CLONES
float dot_of_rows(std::int64_t size, const float* __restrict a, const float* __restrict b) {
  Lanes sums{};
  std::int64_t i = 0;
  for (; i + row_lanes <= size; i += row_lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::int64_t place = i + static_cast<std::int64_t>(lane);
      sums[lane] += a[place] * b[place];
    }
  }
  float rest = 0;
  for (; i < size; ++i) rest += a[i] * b[i];
  return sum(sums) + rest;
}

void add_run(const Run& run, const float* values, Span span, float* row) {
  const Parts part(run, span);
  if (part.run > span.begin) add_to_row(part.run - span.begin, values[0], row + span.begin);
  if (part.after > part.run)
    add_to_row(part.after - part.run, values + (part.run - run.shift), row + part.run);
  if (span.end > part.after) add_to_row(span.end - part.after, values[run.size - 1], row + part.after);
}

void add_to_run(const Run& run, Span span, const float* row, float* values) {
  const Parts part(run, span);
  if (part.run > span.begin) values[0] += sum_of_row(part.run - span.begin, row + span.begin);
  if (part.after > part.run)
    add_to_row(part.after - part.run, row + part.run, values + (part.run - run.shift));
  if (span.end > part.after) values[run.size - 1] += sum_of_row(span.end - part.after, row + part.after);
}

}  // namespace nopos
