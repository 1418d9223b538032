#pragma once
/// From text to sentences of symbols: the place where a tokeniser stands.
///
/// A line is a sentence and ends at "\n", "\r" or "\r\n". Text is UTF-8, but for splitters that make symbols
/// of any byte.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace nopos {

/// The symbols of a piece of text, end to end, and where sentences end among them.
struct Symbols {
  /// So many bytes are readable behind the begin of each symbol.
  static constexpr std::size_t readable = 16;

  const char* text = nullptr;                // in which they lie
  std::vector<std::uint32_t> begins, ends;   // of each symbol in `text`, in bytes
  std::vector<std::uint32_t> sentence_ends;  // numbers of symbols
  std::vector<char> own_text;                // for whoever makes symbols that do not lie in the piece
};

/// Splits pieces of text; several threads share one splitter.
class Splitter {
 public:
  virtual ~Splitter() = default;
  /// Puts the symbols of whole lines into `symbols`, whose earlier content goes. Symbols::readable bytes are
  /// readable behind `piece`, which has less than 4 GiB.
  virtual void split(std::string_view piece, Symbols& symbols) const = 0;
};

/// The reference's: words between runs of Unicode white space.
class WhiteSpaceSplitter : public Splitter {
 public:
  void split(std::string_view piece, Symbols& symbols) const override;
};

}  // namespace nopos
