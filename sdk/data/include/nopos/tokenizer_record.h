#pragma once
/// What made the symbols of a dictionary: the file `tokenizer.json` beside a `dict.txt`, and the same text in
/// checkpoints.
///
///     {"schema": 1, "kind": "nopos.tokenizer", "name": "gpt2_bpe", "plugin": "nopos.gpt2_bpe",
///      "version": "0.1.0", "options": {}, "digest": "0f3a..."}
///
/// `kind` tells it from the tokenizer.json of other programs. Options are texts as a command line gives them,
/// and only those that were given. The digest is of what the tokenizer does, so that plugins may be renewed
/// and files moved: two records are of one tokenizer where name, plugin and digest are equal.

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

/// Of the symbols of a fixed text in many scripts, and of every symbol that the tokenizer knows, with its
/// text and how that text is split.
std::string digest_of(const Tokenizer& tokenizer);

std::string to_json(const TokenizerRecord& record);

/// \param place  stands in messages: a file, or a checkpoint's entry. \throws Error (data) where the text is
/// no such record, naming what it is instead
TokenizerRecord parse_tokenizer_record(std::string_view json, const std::string& place);

/// The record in `folder`; nothing where it has none. \throws Error (data)
std::optional<TokenizerRecord> read_tokenizer_record(const std::filesystem::path& folder);

/// Nothing where both are of one tokenizer, or where one side does not say; otherwise both sides in words:
/// "`a_is` gpt2_bpe (...), `b_is` byte (...)".
std::string tokenizer_difference(const std::optional<TokenizerRecord>& a, const std::string& a_is,
                                 const std::optional<TokenizerRecord>& b, const std::string& b_is);

}  // namespace nopos
