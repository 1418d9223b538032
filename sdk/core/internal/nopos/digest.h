#pragma once
/// A digest that tells lists of strings apart: 64-bit FNV-1a, each string followed by a zero byte. Not
/// cryptographic.

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace nopos {

class Digest {
 public:
  void add(std::string_view text) {
    for (const char byte : text) mix(static_cast<unsigned char>(byte));
    mix(0);
  }

  /// 16 hexadecimal digits.
  std::string text() const {
    char digits[17];
    std::snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(hash_));
    return digits;
  }

 private:
  void mix(unsigned char byte) { hash_ = (hash_ ^ byte) * 0x100000001b3; }

  std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace nopos
