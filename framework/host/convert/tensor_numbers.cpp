#include "tensor_numbers.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "nopos/error.h"

namespace nopos::host {
namespace {

constexpr int half_digits = 10, smallest_half = -14, largest_half = 15;  // of the mantissa; exponents

float widened_half(std::uint16_t bits) {
  const int exponent = (bits >> half_digits) & 31, mantissa = bits & 1023;
  float value = 0;
  if (exponent == 31) {
    value = mantissa == 0 ? INFINITY : NAN;
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(mantissa), smallest_half - half_digits);
  } else {
    value = std::ldexp(static_cast<float>(mantissa + 1024), exponent - largest_half - half_digits);
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

std::uint16_t narrowed_half(float value) {
  const unsigned sign = std::signbit(value) ? 0x8000 : 0;
  const float size = std::abs(value);
  if (std::isnan(size)) return static_cast<std::uint16_t>(sign | 0x7e00);
  if (size >= 65520) return static_cast<std::uint16_t>(sign | 0x7c00);  // rounds to infinity
  const int exponent = size == 0 ? smallest_half : std::max(std::ilogb(size), smallest_half);
  // a mantissa that rounds up to the next power of two carries into the exponent by the addition
  const auto mantissa = static_cast<unsigned>(std::nearbyint(std::ldexp(size, half_digits - exponent)));
  return static_cast<std::uint16_t>(sign + (static_cast<unsigned>(exponent - smallest_half) << half_digits) +
                                    mantissa);
}

std::uint16_t narrowed_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

}  // namespace

std::vector<float> floats_of(const SafeTensor& tensor) {
  const char* at = tensor.bytes.data();
  if (tensor.dtype == "F32") {
    std::vector<float> numbers(tensor.bytes.size() / sizeof(float));
    if (!numbers.empty()) std::memcpy(numbers.data(), at, tensor.bytes.size());
    return numbers;
  }
  const bool half = tensor.dtype == "F16";
  if (!half && tensor.dtype != "BF16") {
    throw Error(ExitCode::data, "tensor '" + tensor.name + "' is of type " + tensor.dtype +
                                    "; only float32, float16 and bfloat16 can be converted here.");
  }
  std::vector<float> numbers(tensor.bytes.size() / 2);
  for (float& number : numbers) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, at, sizeof bits);
    at += sizeof bits;
    number = half ? widened_half(bits) : std::bit_cast<float>(std::uint32_t{bits} << 16);
  }
  return numbers;
}

std::string bytes_of(const std::vector<float>& numbers, std::string_view dtype) {
  if (dtype == "F32") {
    return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)};
  }
  std::string bytes;
  bytes.reserve(numbers.size() * 2);
  for (const float number : numbers) {
    const std::uint16_t bits = dtype == "F16" ? narrowed_half(number) : narrowed_bfloat16(number);
    bytes.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  return bytes;
}

}  // namespace nopos::host
