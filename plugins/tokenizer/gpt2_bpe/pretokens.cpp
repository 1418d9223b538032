#include "pretokens.h"

#include <nopos/text.h>

#include <algorithm>
#include <bit>
#include <span>

#include "unicode_classes.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace nopos::gpt2 {
namespace {

// The property White_Space.
constexpr CodeRange white_spaces[]{{0x9, 0xd},       {0x20, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},
                                   {0x1680, 0x1680}, {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f},
                                   {0x205f, 0x205f}, {0x3000, 0x3000}};

// Bytes of 's, 't, 're, 've, 'm, 'll or 'd at the head of `text`, 0 where there is none.
std::size_t contraction(std::string_view text) {
  if (text.size() < 2) return 0;
  switch (text[1]) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return 2;
    case 'r':
    case 'v':
      return text.size() > 2 && text[2] == 'e' ? 3 : 0;
    case 'l':
      return text.size() > 2 && text[2] == 'l' ? 3 : 0;
  }
  return 0;
}

// Past the ASCII letters at `at`; stops early within 16 bytes of `end`.
const char* past_letters(const char* at, const char* end) {
#ifdef __SSE2__
  while (end - at >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i place = _mm_sub_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    const __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(place, _mm_set1_epi8(25)), place);
    const auto letters = static_cast<unsigned>(_mm_movemask_epi8(is_letter));
    if (letters != 0xffff) return at + std::countr_one(letters);
    at += 16;
  }
#endif
  return at;
}

}  // namespace

Pretokens::Pretokens() : classes_(0x110000, other) {
  const auto set = [this](std::span<const CodeRange> ranges, Class of) {
    for (const auto& [first, last] : ranges)
      std::fill(classes_.begin() + first, classes_.begin() + last + 1, of);
  };
  set(letters, letter);
  set(numbers, number);
  set(white_spaces, space);
}

Pretokens::Character Pretokens::character(const char* at, const char* end) const {
  const auto byte = static_cast<unsigned char>(*at);
  if (byte < 0x80) return {classes_[byte], 1};
  const std::string_view text(at, static_cast<std::size_t>(end - at));
  const std::size_t length = utf8_length(text);
  if (length == 0) return {other, 1};
  return {classes_[code_point(text.substr(0, length))], static_cast<std::uint32_t>(length)};
}

const char* Pretokens::run(Class of, const char* at, const char* end) const {
  while (true) {
    if (of == letter) at = past_letters(at, end);
    if (at == end) return at;
    const Character next = character(at, end);
    if (next.of != of) return at;
    at += next.length;
  }
}

// The last character of white space is left to what follows it, unless it is the only one, or nothing does.
const char* Pretokens::white_space(const char* begin, const char* end) const {
  const char *at = begin, *last = begin;
  while (at != end) {
    const Character next = character(at, end);
    if (next.of != space) return last == begin ? at : last;
    last = at;
    at += next.length;
  }
  return end;
}

const char* Pretokens::next(const char* begin, const char* end) const {
  if (*begin == '\'') {
    const std::size_t length = contraction({begin, static_cast<std::size_t>(end - begin)});
    if (length > 0) return begin + length;
  }
  const char* at = begin + (*begin == ' ');
  if (at == end) return end;
  const Character first = character(at, end);
  return first.of == space ? white_space(begin, end) : run(first.of, at + first.length, end);
}

}  // namespace nopos::gpt2
