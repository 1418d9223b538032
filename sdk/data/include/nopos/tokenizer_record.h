#pragma once
/// Which tokenizer made the symbols of a dictionary: the file `tokenizer.json` beside a `dict.txt`, and the
/// same JSON in checkpoints.
///
///     {"schema": 1, "kind": "nopos.tokenizer", "name": "gpt2_bpe", "plugin": "nopos.gpt2_bpe",
///      "version": "0.1.0", "options": {}, "digest": "0f3a..."}
///
/// `kind` tells it apart from the tokenizer.json of other programs. `options` holds only the options that
/// were given, as command-line text. The digest covers what the tokenizer does, so plugins may be updated and
/// files moved: two records denote the same tokenizer if name, plugin and digest are equal.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "nopos/tokenizer.h"

namespace nopos {

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
