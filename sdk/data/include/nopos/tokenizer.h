#pragma once
/// The kind `tokenizer`: how text is cut into symbols, and how symbols become text again.
///
/// There are two families. Where the vocabulary is open (words, characters) a plugin derives from
/// `Tokenizer`, and a dictionary made from the data gives its symbols ids. Where tokens have numbers of their
/// own (GPT-2's byte pairs) it derives from `IdTokenizer`; in `dict.txt` their symbols are the numbers in
/// decimal, as the reference's Pile data has them. A symbol is never empty and holds no white space
/// (nopos/binarizer.h), so that a line of symbols with spaces between them can be read again.
///
/// One that knows its vocabulary says so by `symbols`: preprocessing then writes the whole of it into
/// `dict.txt`, so that no text that it can express has an <unk>. What tells two tokenizers apart afterwards
/// is their digest (nopos/tokenizer_record.h).
///
/// All functions are const and may be called from several threads at once. They append to their last
/// argument, so that a caller can keep its memory. Text is any sequence of bytes, as a rule one line without
/// its end; what is not UTF-8 is no error.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nopos/plugin.h"

namespace nopos {

class Tokenizer {
 public:
  using Interface = Tokenizer;
  static constexpr const char* kind = "tokenizer";
  static constexpr int interface_version = kind_interface(kind);

  struct Context {};

  virtual ~Tokenizer() = default;

  /// Appends the symbols of `text`: views into it, or into this object.
  virtual void split(std::string_view text, std::vector<std::string_view>& symbols) const = 0;

  /// Appends the text that the symbols stand for. \throws Error (data) for what is no symbol of this one
  virtual void join(const std::vector<std::string_view>& symbols, std::string& text) const = 0;

  /// Every symbol that `split` can give, once, in the order in which a dictionary is to hold them; none of
  /// them is "<s>", "<pad>", "</s>" or "<unk>". Empty: this tokenizer does not know, and the dictionary holds
  /// what the text brings. Asked once or twice per run, not per text.
  virtual std::vector<std::string> symbols() const { return {}; }

  /// Ids have numbers from 0 to this, exclusive; 0: the vocabulary is open, and `encode` is not called.
  virtual std::uint32_t vocabulary() const { return 0; }

  /// Appends the ids of `text`: what `split` gives, as numbers.
  virtual void encode(std::string_view text, std::vector<std::uint32_t>& ids) const { (void)text, (void)ids; }
};

/// A tokenizer whose tokens have numbers of their own.
class IdTokenizer : public Tokenizer {
 public:
  void split(std::string_view text, std::vector<std::string_view>& symbols) const final;
  void join(const std::vector<std::string_view>& symbols, std::string& text) const final;
  /// The numbers that are tokens, in rising order.
  std::vector<std::string> symbols() const override;
  std::uint32_t vocabulary() const final { return static_cast<std::uint32_t>(symbols_.size()); }
  void encode(std::string_view text, std::vector<std::uint32_t>& ids) const override = 0;

 protected:
  explicit IdTokenizer(std::uint32_t vocabulary);

  /// The bytes that a token stands for; `id` is below the vocabulary's size. Empty: there is no such token.
  virtual std::string_view bytes(std::uint32_t id) const = 0;

 private:
  std::vector<std::string> symbols_;  // the numbers in decimal
};

}  // namespace nopos
