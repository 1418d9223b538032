#include "attention_rows.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "nopos/nn/simd.h"
#include "vector_math.h"

namespace nopos {
namespace {

constexpr auto lanes = static_cast<std::size_t>(row_lanes);
template <class Number>
using Lanes = std::array<Number, lanes>;  // else the compiler must keep the order of one sum

template <std::size_t half, class Number, class Fold>
[[gnu::always_inline]] inline void fold_half(Lanes<Number>& parts, Fold fold) {
  for (std::size_t lane = 0; lane < half; ++lane) parts[lane] = fold(parts[lane], parts[lane + half]);
}

template <class Number, class Fold>
[[gnu::always_inline]] inline Number folded(Lanes<Number>& parts, Fold fold) {
  fold_half<8>(parts, fold), fold_half<4>(parts, fold), fold_half<2>(parts, fold), fold_half<1>(parts, fold);
  return parts[0];
}

[[gnu::always_inline]] inline float sum(Lanes<float>& parts) {
  return folded(parts, [](float a, float b) { return a + b; });
}

/// Bits of a float that, as an integer, are ordered as the numbers are, NaN above infinity; and back.
std::int32_t ordered(std::int32_t bits) { return bits ^ ((bits >> 31) & 0x7fffffff); }

/// The three parts of a span: the first value repeated, the run, the last value repeated.
struct Parts {
  std::int64_t run, after;

  Parts(const Run& values, Span span)
      : run(std::clamp(values.shift, span.begin, span.end)),
        after(std::clamp(values.shift + values.size, run, span.end)) {}
};

}  // namespace

// Of integers: the greatest of floats is not vectorized, for a NaN's sake.
NOPOS_SIMD_CLONES
float greatest_of_row(std::int64_t whole_lanes, const float* __restrict row) {
  Lanes<std::int32_t> most;
  most.fill(ordered(std::bit_cast<std::int32_t>(-std::numeric_limits<float>::infinity())));
  for (std::int64_t i = 0; i < whole_lanes; i += row_lanes) {
    const float* const part = row + i;
    for (std::size_t lane = 0; lane < lanes; ++lane)
      most[lane] = std::max(most[lane], ordered(std::bit_cast<std::int32_t>(part[lane])));
  }
  const auto greater = [](std::int32_t a, std::int32_t b) { return std::max(a, b); };
  return std::bit_cast<float>(ordered(folded(most, greater)));
}

NOPOS_SIMD_CLONES
float row_exponentials(std::int64_t whole_lanes, float most, float* __restrict row) {
  Lanes<float> sums{};
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
  Lanes<float> sums{};
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
  Lanes<float> sums{};
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
