#pragma once
/// Where GPT-2 cuts text before it looks for byte pairs. The pattern, from left to right, first that fits:
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// Radford et al. 2019, openai/gpt-2, src/encoder.py. A byte that is not UTF-8 counts as a character that is
/// neither letter, number nor white space.

#include <cstdint>
#include <string_view>
#include <vector>

namespace nopos::gpt2 {

class Pretokens {
 public:
  Pretokens();

  /// The end of the piece that begins at `begin`, which is before `end`.
  const char* next(const char* begin, const char* end) const;

 private:
  enum Class : std::uint8_t { other, letter, number, space };
  struct Character {
    Class of;
    std::uint32_t length;  // bytes
  };
  Character character(const char* at, const char* end) const;
  const char* run(Class of, const char* at, const char* end) const;
  const char* white_space(const char* begin, const char* end) const;

  std::vector<Class> classes_;  // of every code point
};

}  // namespace nopos::gpt2
