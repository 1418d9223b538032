#include "float_runs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>

#include "nopos/simd.h"

namespace nopos {
namespace {

NOPOS_SIMD_CLONES
void widen(std::int64_t size, const std::uint16_t* __restrict from, float* __restrict to) {
  for (std::int64_t i = 0; i < size; ++i) to[i] = std::bit_cast<float>(std::uint32_t{from[i]} << 16);
}

/// The upper half of a float32's bits, rounded; a NaN stays one.
std::uint16_t bfloat16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return static_cast<std::uint16_t>(value != value ? 0x7fc0 : rounded);
}

NOPOS_SIMD_CLONES
void narrow(std::int64_t size, const float* __restrict from, std::uint16_t* __restrict to) {
  for (std::int64_t i = 0; i < size; ++i) to[i] = bfloat16_bits(from[i]);
}

}  // namespace

float* widened(const at::Tensor& values, std::int64_t begin, std::int64_t size, std::vector<float>& buffer) {
  if (buffer.size() < static_cast<std::size_t>(size)) buffer.resize(static_cast<std::size_t>(size));
  if (!values.defined()) {
    std::fill_n(buffer.data(), size, 0.0f);
  } else if (values.scalar_type() == at::kFloat) {
    std::copy_n(values.const_data_ptr<float>() + begin, size, buffer.data());
  } else {
    widen(size, reinterpret_cast<const std::uint16_t*>(values.const_data_ptr<at::BFloat16>()) + begin,
          buffer.data());
  }
  return buffer.data();
}

void round_to(at::ScalarType type, const float* from, std::int64_t size, const at::Tensor& to,
              std::int64_t begin) {
  if (type == at::kBFloat16) {
    narrow(size, from, reinterpret_cast<std::uint16_t*>(to.mutable_data_ptr<at::BFloat16>()) + begin);
  } else {
    float* const place = to.mutable_data_ptr<float>() + begin;
    for (std::int64_t i = 0; i < size; ++i) place[i] = static_cast<float>(static_cast<at::Half>(from[i]));
  }
}

}  // namespace nopos
