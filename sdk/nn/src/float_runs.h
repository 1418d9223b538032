#pragma once
/// Runs of numbers of a narrow type as float32, and back.

#include <ATen/core/Tensor.h>
#include <c10/util/BFloat16.h>

#include <cstdint>
#include <vector>

namespace nopos {

void widen(std::int64_t size, const at::BFloat16* from, float* to);

/// Rounds to nearest, ties to even; a NaN stays one.
void narrow(std::int64_t size, const float* from, at::BFloat16* to);

/// Elements [begin, begin + size) of the flat order of `values`, a contiguous tensor of bfloat16 or float32,
/// widened into `buffer`, which grows as needed; zeros where `values` is undefined.
float* widened(const at::Tensor& values, std::int64_t begin, std::int64_t size, std::vector<float>& buffer);

/// Rounds a run to `type`, to nearest with ties to even, into [begin, begin + size) of `to`, a contiguous
/// tensor of that type, or of float32, which then holds the rounded numbers.
void round_to(at::ScalarType type, const float* from, std::int64_t size, const at::Tensor& to,
              std::int64_t begin);

}  // namespace nopos
