#pragma once
/// Small text helpers of NoPos's own libraries.

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nopos {

/// The items with `separator` between them: join(names) is "adam, nag". `text` says what stands for an item
/// that is no text itself.
template <class Items, class Text = std::identity>
std::string join(const Items& items, std::string_view separator = ", ", Text text = {}) {
  std::string joined;
  bool first = true;
  for (const auto& item : items) {
    if (!std::exchange(first, false)) joined += separator;
    joined += std::invoke(text, item);
  }
  return joined;
}

/// The pieces between separators, empty ones included: split("a,,b", ',') is {"a", "", "b"}, split("", ',')
/// is {""}.
inline std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  for (std::size_t begin = 0, end = 0; end != std::string_view::npos; begin = end + 1) {
    end = text.find(separator, begin);
    pieces.emplace_back(text.substr(begin, end - begin));
  }
  return pieces;
}

/// `split` without the empty pieces, for lists where a separator too many means nothing.
inline std::vector<std::string> split_list(std::string_view text, char separator) {
  std::vector<std::string> pieces = split(text, separator);
  std::erase(pieces, "");
  return pieces;
}

inline std::string replaced(std::string_view text, char old_character, char new_character) {
  std::string result(text);
  std::replace(result.begin(), result.end(), old_character, new_character);
  return result;
}

/// An option's name from a key of Python, "max_tokens" to "max-tokens", and the way back.
inline std::string dashed(std::string_view key) { return replaced(key, '_', '-'); }
inline std::string underscored(std::string_view option) { return replaced(option, '-', '_'); }

/// What printf would write.
template <class... Values>
std::string formatted(const char* format, Values... values) {
  const int length = std::snprintf(nullptr, 0, format, values...);
  std::string text(static_cast<std::size_t>(std::max(length, 0)), '\0');
  std::snprintf(text.data(), text.size() + 1, format, values...);
  return text;
}

}  // namespace nopos
