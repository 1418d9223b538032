#pragma once
/// Numbers in short lines, as printf writes them.

#include <array>
#include <cstdio>
#include <string>

namespace nopos::engine {

/// At most 255 bytes.
template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

}  // namespace nopos::engine
