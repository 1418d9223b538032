#pragma once
/// Numbers as the bytes of files.

#include <array>
#include <bit>
#include <string>
#include <type_traits>

namespace nopos::engine {

static_assert(std::endian::native == std::endian::little, "bytes are written as they lie in memory");

template <class Number>
std::string little_endian(Number value) {
  static_assert(std::is_arithmetic_v<Number>);
  const auto bytes = std::bit_cast<std::array<char, sizeof value>>(value);
  return {bytes.begin(), bytes.end()};
}

}  // namespace nopos::engine
