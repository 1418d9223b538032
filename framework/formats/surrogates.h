#pragma once
/// How Python keeps bytes that are not UTF-8 in a text (PEP 383): byte b as the lone surrogate U+DC00 + b,
/// which pickles hold in three bytes. Paths that its programs got from the system look so.

#include <string>
#include <string_view>

#include "nopos/text.h"

namespace nopos {

inline std::string with_surrogates(std::string_view bytes) {
  if (text::find_invalid_utf8(bytes) == bytes.npos) return std::string(bytes);
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    if (length == 0) {
      const auto byte = static_cast<unsigned char>(bytes[0]);
      text += {'\xed', static_cast<char>(0xb0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3f))};
    }
    text += bytes.substr(0, length);
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

inline std::string without_surrogates(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; (at = text.find('\xed')) != text.npos;) {
    const auto second = static_cast<unsigned char>(text.substr(at, 2).back());
    const bool lone = text.size() - at >= 3 && (second & 0xfe) == 0xb2;
    bytes += text.substr(0, at);
    if (lone) {
      bytes += static_cast<char>((second & 3) << 6 | (text[at + 2] & 0x3f));
    } else {
      bytes += text[at];
    }
    text.remove_prefix(at + (lone ? 3 : 1));
  }
  return bytes += text;
}

}  // namespace nopos
