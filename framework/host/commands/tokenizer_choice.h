#pragma once
/// Commands that take a tokenizer: `--tokenizer NAME` and the options of the one that is named, or the one
/// that a folder or a checkpoint recorded.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.h"
#include "nopos/tokenizer.h"
#include "recorded_tokenizer.h"
#include "settings/resolution.h"

namespace nopos::host {

struct TokenizerChoice {
  Owner command;                          ///< the command's own options, with their values
  std::shared_ptr<Tokenizer> tokenizer;   ///< none where none is named
  std::string name;                       ///< "tokenizer/gpt2_bpe (nopos.gpt2_bpe 0.1.0)"; empty likewise
  std::vector<std::string> notices;       ///< for the user, as `resolve` makes them
  std::optional<TokenizerRecord> record;  ///< of it, where it was asked for
};

/// The text that the words give last for a flag; nothing where they do not.
std::optional<std::string> given_text(const Words& words, const std::string& flag);

/// A record costs a tenth of a second for a large vocabulary: only some commands want one.
enum class WithRecord { no, yes };

/// Reads the words and makes the tokenizer: the one that they name, or else the recorded one with its
/// options. `options` are the command's, "tokenizer" and "plugin-path" among them. \throws Error, also where
/// the plugin fails; (data) where the tokenizer does something else than the recorded one did, naming both
TokenizerChoice choose_tokenizer(const Command& command, const Words& words, std::vector<OptionInfo> options,
                                 const std::optional<RecordedTokenizer>& recorded, WithRecord with_record);

/// The command's help, and the options of the tokenizer that the words name.
void print_tokenizer_help(const Command& command, const Words& words, const std::vector<OptionInfo>& options);

}  // namespace nopos::host
