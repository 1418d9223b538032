#pragma once
/// The kind `tokenizer`: how text is cut into symbols, and how symbols become text again.
///
/// There are two families. With an open vocabulary (words, characters), a plugin derives from `Tokenizer`,
/// and a dictionary built from the data assigns ids to symbols. With a fixed vocabulary of ids (GPT-2's byte
/// pairs), it derives from `IdTokenizer`; its symbols in `dict.txt` are the ids in decimal, as in the NoPos
/// fork's Pile data. A symbol is never empty and contains no white space (nopos/text.h defines it), so that a
/// line of symbols separated by spaces can be split again.
///
/// A tokenizer that knows its vocabulary returns it from `symbols`: preprocessing then writes all of it into
/// `dict.txt`, so that no text the tokenizer can express contains an <unk>. Tokenizers are told apart by
/// their digest (TokenizerRecord).
///
/// All functions are const and may be called from several threads at once. They append to their last
/// argument, so that a caller can reuse its memory. Text is any sequence of bytes, usually one line without
/// its terminator; invalid UTF-8 is not an error.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nopos/plugin.h"

namespace nopos {

class Tokenizer {
 public:
  using Interface = Tokenizer;
  static constexpr const char* kind = "tokenizer";
  static constexpr InterfaceVersion interface_version = kind_interface(kind);

  struct Context {};

  virtual ~Tokenizer() = default;

  /// Appends the symbols of `text`, as views into `text` or into this object.
  virtual void split(std::string_view text, std::vector<std::string_view>& symbols) const = 0;

  /// Appends the text that the symbols stand for. \throws Error (data) for an unknown symbol
  virtual void join(const std::vector<std::string_view>& symbols, std::string& text) const = 0;

  /// Every symbol that `split` can return, once, in the order for the dictionary; none of them is "<s>",
  /// "<pad>", "</s>" or "<unk>". Empty: the vocabulary is open, and the dictionary is built from the text.
  /// Called once or twice per run, not per text.
  virtual std::vector<std::string> symbols() const { return {}; }

  /// Ids are in [0, vocabulary()); 0: the vocabulary is open, and `encode` is not called.
  virtual std::uint32_t vocabulary() const { return 0; }

  /// Appends the ids of `text`: the symbols of `split` as integers.
  virtual void encode(std::string_view text, std::vector<std::uint32_t>& ids) const { (void)text, (void)ids; }
};

/// A tokenizer with a fixed vocabulary of ids.
class IdTokenizer : public Tokenizer {
 public:
  void split(std::string_view text, std::vector<std::string_view>& symbols) const final;
  void join(const std::vector<std::string_view>& symbols, std::string& text) const final;
  /// The ids of all tokens in decimal, ascending.
  std::vector<std::string> symbols() const override;
  std::uint32_t vocabulary() const final { return static_cast<std::uint32_t>(symbols_.size()); }
  void encode(std::string_view text, std::vector<std::uint32_t>& ids) const override = 0;

 protected:
  explicit IdTokenizer(std::uint32_t vocabulary);

  /// The bytes of a token; `id` is in [0, vocabulary()). Empty: no token has this id.
  virtual std::string_view bytes(std::uint32_t id) const = 0;

 private:
  std::vector<std::string> symbols_;  // the ids in decimal
};

/// Which tokenizer made the symbols of a dictionary: the file `tokenizer.json` beside a `dict.txt`, and the
/// same JSON in checkpoints.
///
///     {"schema": 1, "kind": "nopos.tokenizer", "name": "gpt2_bpe", "plugin": "nopos.gpt2_bpe",
///      "version": "0.1.0", "options": {}, "digest": "0f3a..."}
///
/// `kind` tells it apart from the tokenizer.json of other programs. `options` holds only the options that
/// were given, as command-line text. The digest covers what the tokenizer does, so plugins may be updated and
/// files moved: two records denote the same tokenizer if name, plugin and digest are equal.
struct TokenizerRecord {
  static constexpr const char* file_name = "tokenizer.json";

  std::string name, plugin, version;
  std::map<std::string, std::string> options;
  std::string digest;

  /// "gpt2_bpe (nopos.gpt2_bpe 0.1.0, digest 0f3a...)"
  std::string described() const;
  bool same_tokenizer(const TokenizerRecord& other) const;
};

/// Digest of the symbols of a fixed text in many scripts, and of every symbol that the tokenizer knows, with
/// its text and how that text is split.
std::string digest_of(const Tokenizer& tokenizer);

std::string to_json(const TokenizerRecord& record);

/// \param place  for messages: a file, or an entry of a checkpoint. \throws Error (data) if the text is not
/// such a record, naming what it is instead
TokenizerRecord parse_tokenizer_record(std::string_view json, const std::string& place);

/// The record in `folder`; nullopt if there is none. \throws Error (data)
std::optional<TokenizerRecord> read_tokenizer_record(const std::filesystem::path& folder);

/// Empty if both denote the same tokenizer or one is unknown; otherwise a description of both: "`a_is`
/// gpt2_bpe (...), `b_is` byte (...)".
std::string tokenizer_difference(const std::optional<TokenizerRecord>& a, const std::string& a_is,
                                 const std::optional<TokenizerRecord>& b, const std::string& b_is);

}  // namespace nopos
