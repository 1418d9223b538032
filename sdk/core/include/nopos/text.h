#pragma once
/// Text as fairseq reads it: UTF-8, universal newlines, words between runs of Unicode white space.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace nopos {

// UTF-8 (RFC 3629: shortest form only, no surrogates, nothing above U+10FFFF).

/// Length in bytes of the character at the start of `text`; 0 if it is not UTF-8 or `text` is empty.
inline std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return text.empty() ? 0 : 1;
  if (first < 0xc2 || first > 0xf4 || !continues(1)) return 0;
  if (first < 0xe0) return 2;
  if (!continues(2)) return 0;
  if (first < 0xf0) return (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ? 0 : 3;
  if (!continues(3)) return 0;
  return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) ? 0 : 4;
}

/// The code point of one complete character.
inline char32_t code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0);
  char32_t code = byte(0) & (0x7fu >> character.size());
  for (std::size_t i = 1; i < character.size(); ++i) code = code << 6 | (byte(i) & 0x3fu);
  return code;
}

/// Appends `code` as UTF-8; `code` is not a surrogate and at most U+10FFFF.
void append_utf8(char32_t code, std::string& text);

/// A digest that tells lists of strings apart: 64-bit FNV-1a, each string followed by a zero byte. Not
/// cryptographic.
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

namespace nopos::text {

/// Length in bytes of the white-space character at the start of `text`; 0 if there is none.
inline std::size_t white_space(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0), third = byte(2);
  if (first < 0x80) return (first >= 0x09 && first <= 0x0d) || (first >= 0x1c && first <= 0x20);
  switch (first << 8 | byte(1)) {
    case 0xc285:  // U+0085
    case 0xc2a0:  // U+00A0
      return 2;
    case 0xe19a:  // U+1680
      return third == 0x80 ? 3 : 0;
    case 0xe280:  // U+2000-200A, U+2028, U+2029, U+202F
      return (third >= 0x80 && third <= 0x8a) || third == 0xa8 || third == 0xa9 || third == 0xaf ? 3 : 0;
    case 0xe281:  // U+205F
      return third == 0x9f ? 3 : 0;
    case 0xe380:  // U+3000
      return third == 0x80 ? 3 : 0;
  }
  return 0;
}

/// Calls `visit(word)` for each word of a line.
template <class Visit>
void for_each_word(std::string_view line, Visit visit) {
  std::size_t begin = 0, i = 0;
  while (i < line.size()) {
    if (const std::size_t space = white_space(line.substr(i)); space > 0) {
      if (i > begin) visit(line.substr(begin, i - begin));
      begin = i += space;
    } else {
      ++i;
    }
  }
  if (i > begin) visit(line.substr(begin));
}

/// Calls `visit(line)` for each line, without its terminator: "\n", "\r" or "\r\n". A last line may lack one.
template <class Visit>
void for_each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    // not find_first_of, which calls the library for every byte
    const auto found = std::find_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; });
    const auto end = static_cast<std::size_t>(found - text.begin());
    visit(text.substr(0, end));
    if (end == text.size()) return;
    text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
  }
}

/// `text` without trailing white space.
inline std::string_view right_stripped(std::string_view text) {
  while (!text.empty()) {
    std::size_t last = text.size() - 1;  // where the last character begins
    while (last > 0 && (text[last] & 0xc0) == 0x80) --last;
    if (white_space(text.substr(last)) != text.size() - last) break;
    text = text.substr(0, last);
  }
  return text;
}

/// The offset of the first byte that is not UTF-8; npos if there is none.
std::size_t find_invalid_utf8(std::string_view text);

}  // namespace nopos::text
