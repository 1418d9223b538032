#pragma once
/// From text to sentences of symbols: where a tokenizer plugs in.
///
/// A line is a sentence and ends at "\n", "\r" or "\r\n". Text is UTF-8, except for splitters that make
/// symbols of arbitrary bytes.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace nopos {

/// The symbols of a piece of text, in order, and where sentences end.
struct Symbols {
  /// At least this many bytes are readable from the start of each symbol.
  static constexpr std::size_t readable = 16;

  const char* text = nullptr;                // the buffer that holds the symbols
  std::vector<std::uint32_t> begins, ends;   // byte offsets of each symbol in `text`
  std::vector<std::uint32_t> sentence_ends;  // number of symbols up to each end of a sentence
  std::vector<char> own_text;                // storage for symbols that are not substrings of the piece
};

/// Splits pieces of text; several threads share one splitter.
class Splitter {
 public:
  virtual ~Splitter() = default;
  /// Splits `piece`, whole lines, into `symbols`, replacing its contents. `piece` is shorter than 4 GiB, and
  /// at least Symbols::readable bytes are readable past its end.
  virtual void split(std::string_view piece, Symbols& symbols) const = 0;
};

/// fairseq's rule: words are separated by runs of Unicode white space.
class WhiteSpaceSplitter : public Splitter {
 public:
  void split(std::string_view piece, Symbols& symbols) const override;
};

}  // namespace nopos
