#pragma once
/// Functions of float32 that a compiler turns into vector instructions inside a loop: no branch, no call.

#include <algorithm>
#include <bit>
#include <cstdint>

namespace nopos {

/// e^x within 2 units in the last place; 0 below -87, e^88 above 88.
inline float vector_exp(float x) {
  constexpr float magic = 0x1.8p23f;  // a sum with it has its integer part in the lowest bits
  constexpr float log2_e = 0x1.715476p+0f, ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
  const float bounded = std::min(std::max(x, -87.0f), 88.0f);
  const float shifted = bounded * log2_e + magic, n = shifted - magic;
  const float r = (bounded - n * ln2_high) - n * ln2_low;  // |r| <= ln(2)/2
  float sum = 1.0f / 5040;
  for (const float inverse_factorial : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    sum = sum * r + inverse_factorial;
  const std::uint32_t exponent = (std::bit_cast<std::uint32_t>(shifted) << 23) + 0x3f800000;
  return x < -87.0f ? 0.0f : sum * std::bit_cast<float>(exponent);
}

}  // namespace nopos
