#pragma once
/// Functions of float32 that a compiler turns into vector instructions inside a loop: no branch, no call.

#include <bit>
#include <cstdint>
#include <initializer_list>

namespace nopos {

/// e^x within 2 units in the last place; 0 below -88, e^88 above 88, NaN of a NaN. Limits are taken of bits:
/// a comparison of numbers becomes a branch where there are no masks for it (AVX2).
inline float vector_exp(float x) {
  constexpr float magic = 0x1.8p23f;  // a sum with it has its integer part in the lowest bits
  constexpr float log2_e = 0x1.715476p+0f, ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
  constexpr auto greatest = std::bit_cast<std::int32_t>(88.0f), infinity = 0x7f800000, nan = 0x7fc00000;
  const auto bits = std::bit_cast<std::int32_t>(x), size = bits & 0x7fffffff;
  const auto bounded = std::bit_cast<float>((size < greatest ? size : greatest) | (bits ^ size));
  const float shifted = bounded * log2_e + magic, n = shifted - magic;
  const float r = (bounded - n * ln2_high) - n * ln2_low;  // |r| <= ln(2)/2
  float sum = 1.0f / 5040;
  for (const float inverse_factorial : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    sum = sum * r + inverse_factorial;
  // 2^n; of n = -127, zero
  const std::int32_t exponent =
      std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(magic) + 127;
  const float result = sum * std::bit_cast<float>(exponent << 23);
  return std::bit_cast<float>(std::bit_cast<std::int32_t>(result) | (((infinity - size) >> 31) & nan));
}

}  // namespace nopos
