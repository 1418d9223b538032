#include "float_runs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "nopos/nn/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace nopos {
namespace {

NOPOS_SIMD_CLONES
void widen_bits(std::int64_t size, const std::uint16_t* __restrict from, float* __restrict to) {
  for (std::int64_t i = 0; i < size; ++i) to[i] = std::bit_cast<float>(std::uint32_t{from[i]} << 16);
}

/// The upper half of a float32's bits, rounded; a NaN stays one.
std::uint16_t bfloat16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return static_cast<std::uint16_t>(value != value ? 0x7fc0 : rounded);
}

NOPOS_SIMD_CLONES
void narrow_bits(std::int64_t size, const float* __restrict from, std::uint16_t* __restrict to) {
  for (std::int64_t i = 0; i < size; ++i) to[i] = bfloat16_bits(from[i]);
}

#if defined(__x86_64__)
/// The processor's own instruction, which takes numbers below 2^-126 for zero.
__attribute__((target("avx512f,avx512bf16"))) void narrow_by_instruction(std::int64_t size, const float* from,
                                                                         std::uint16_t* to) {
  constexpr std::int64_t lanes = 16;
  std::int64_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(from + i));
    std::memcpy(to + i, &rounded, sizeof rounded);
  }
  for (; i < size; ++i) to[i] = bfloat16_bits(from[i]);
}
#endif

}  // namespace

void widen(std::int64_t size, const at::BFloat16* from, float* to) {
  widen_bits(size, reinterpret_cast<const std::uint16_t*>(from), to);
}

void narrow(std::int64_t size, const float* from, at::BFloat16* to) {
  auto* const bits = reinterpret_cast<std::uint16_t*>(to);
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("avx512bf16") != 0;
  if (has_instruction) return narrow_by_instruction(size, from, bits);
#endif
  narrow_bits(size, from, bits);
}

float* widened(const at::Tensor& values, std::int64_t begin, std::int64_t size, std::vector<float>& buffer) {
  if (buffer.size() < static_cast<std::size_t>(size)) buffer.resize(static_cast<std::size_t>(size));
  if (!values.defined()) {
    std::fill_n(buffer.data(), size, 0.0f);
  } else if (values.scalar_type() == at::kFloat) {
    std::copy_n(values.const_data_ptr<float>() + begin, size, buffer.data());
  } else {
    widen(size, values.const_data_ptr<at::BFloat16>() + begin, buffer.data());
  }
  return buffer.data();
}

void round_to(at::ScalarType type, const float* from, std::int64_t size, const at::Tensor& to,
              std::int64_t begin) {
  if (type == at::kBFloat16) {
    narrow(size, from, to.mutable_data_ptr<at::BFloat16>() + begin);
  } else {
    float* const place = to.mutable_data_ptr<float>() + begin;
    for (std::int64_t i = 0; i < size; ++i) place[i] = static_cast<float>(static_cast<at::Half>(from[i]));
  }
}

}  // namespace nopos
