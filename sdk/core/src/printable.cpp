#include "nopos/printable.h"

#include "nopos/text.h"

namespace nopos {
namespace {

/// \x1b, \u202e
void append_escape(char32_t code, std::string& text) {
  constexpr const char* digits = "0123456789abcdef";
  const bool byte = code < 0x100;
  text += byte ? "\\x" : "\\u";
  for (int shift = byte ? 4 : 12; shift >= 0; shift -= 4) text += digits[code >> shift & 15];
}

/// Characters that a terminal acts on, or that reorder what is shown around them.
bool acts(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c ||
         (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

void append_printable(char32_t code, std::string& text) {
  if (code == '\n') {
    text += "\\n";
  } else if (code == '\t') {
    text += "\\t";
  } else if (code == '\r') {
    text += "\\r";
  } else {
    append_escape(code, text);
  }
}

template <class Escaped>
std::string escaped(std::string_view text, std::size_t most, Escaped is_escaped) {
  std::string result;
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count == most) return result + "...";
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      append_escape(static_cast<unsigned char>(text[0]), result);
    } else if (const char32_t code = code_point(text.substr(0, length)); is_escaped(code)) {
      append_printable(code, result);
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

}  // namespace

std::string printable(std::string_view text, std::size_t most) { return escaped(text, most, acts); }

std::string printable_lines(std::string_view text) {
  return escaped(text, text.npos, [](char32_t code) { return acts(code) && code != '\n' && code != '\t'; });
}

std::string well_formed(std::string_view text) {
  if (text::find_invalid_utf8(text) == text.npos) return std::string(text);
  return escaped(text, text.npos, [](char32_t) { return false; });
}

}  // namespace nopos
