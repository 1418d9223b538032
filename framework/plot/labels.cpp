#include "labels.h"

#include <algorithm>

#include "nopos/text.h"

namespace nopos::plot {
namespace {

constexpr double widest_letter = 0.62;  // of the size; of DejaVu Sans, which is wide, on average

/// Bytes of the character at `at`; what is no UTF-8 counts byte by byte.
std::size_t character(const std::string& text, std::size_t at) {
  return std::max<std::size_t>(utf8_length(std::string_view(text).substr(at)), 1);
}

}  // namespace

double text_width(const std::string& text, double size) {
  double characters = 0;
  for (std::size_t at = 0; at < text.size(); at += character(text, at)) ++characters;
  return characters * size * widest_letter;
}

std::string shortened(const std::string& text, double width, double size) {
  if (text_width(text, size) <= width) return text;
  const double most = width / (size * widest_letter) - 1;
  std::size_t end = 0;
  for (double characters = 1; characters <= most; ++characters) end += character(text, end);
  return text.substr(0, end) + "…";
}

std::string printable(const std::string& text) {
  constexpr const char* replacement = "\xef\xbf\xbd";
  std::string result;
  for (std::size_t at = 0; at < text.size(); at += character(text, at)) {
    const std::size_t length = utf8_length(std::string_view(text).substr(at));
    const auto first = static_cast<unsigned char>(text[at]);
    const bool control = first < 0x20 || first == 0x7f;
    result += length == 0 || control ? replacement : text.substr(at, length);
  }
  return result;
}

}  // namespace nopos::plot
