#pragma once
/// Commands that take a tokenizer: `--tokenizer NAME` and the options of the one that is named.

#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "nopos/tokenizer.h"
#include "resolution.h"

namespace nopos::host {

struct TokenizerChoice {
  Owner command;                         ///< the command's own options, with their values
  std::shared_ptr<Tokenizer> tokenizer;  ///< none where none is named
  std::string name;                      ///< "tokenizer/gpt2_bpe (nopos.gpt2_bpe 0.1.0)"; empty likewise
  std::vector<std::string> notices;      ///< for the user, as `resolve` makes them
};

/// Reads the words and makes the tokenizer. `options` are the command's, "tokenizer" and "plugin-path" among
/// them. \throws Error, also where the plugin fails
TokenizerChoice choose_tokenizer(const Command& command, const Words& words, std::vector<OptionInfo> options);

/// The command's help, and the options of the tokenizer that the words name.
void print_tokenizer_help(const Command& command, const Words& words, const std::vector<OptionInfo>& options);

}  // namespace nopos::host
