#pragma once
/// What attention does to a row of scores: loops over a few hundred floats that lie in the first cache.

#include <cstdint>

namespace nopos {

constexpr std::int64_t row_lanes = 16;  // floats of the widest vector; rows are padded to a multiple

constexpr std::int64_t padded_row(std::int64_t size) {
  return (size + row_lanes - 1) / row_lanes * row_lanes;
}

/// A part of a row, never of negative size.
struct Span {
  std::int64_t begin, end;

  std::int64_t size() const { return end - begin; }
  bool empty() const { return end <= begin; }
};

float greatest_of_row(std::int64_t whole_lanes, const float* row);

/// In place, x -> e^(x - most); returns their sum.
float row_exponentials(std::int64_t whole_lanes, float most, float* row);

/// In place, scores -> weights e^(score - log_sum), each times its factor where there are `factors`, and
/// gradients of what these weight -> of the scores: weight·(factor·grad - mean), `mean` being Σ
/// weight·factor·grad of the whole row.
void row_backward(std::int64_t whole_lanes, float log_sum, float mean, const float* factors, float* scores,
                  float* grads);

void add_to_row(std::int64_t size, const float* terms, float* row);
void add_to_row(std::int64_t size, float term, float* row);
void multiply_row(std::int64_t size, const float* factors, float* row);
void multiply_row(std::int64_t size, float factor, float* row);
float sum_of_row(std::int64_t size, const float* row);
float dot_of_rows(std::int64_t size, const float* a, const float* b);

/// Values along a row, of which position j takes values[clamp(j - shift, 0, size-1)]: a run, and its ends
/// repeated on both sides.
struct Run {
  std::int64_t size, shift;
};

/// row[j] += the value that j takes, for j of `span`.
void add_run(const Run& run, const float* values, Span span, float* row);

/// The other way round: what j takes += row[j].
void add_to_run(const Run& run, Span span, const float* row, float* values);

}  // namespace nopos
