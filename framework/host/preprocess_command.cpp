#include <optional>

#include "commands.h"
#include "help.h"
#include "nopos/log.h"
#include "preprocess.h"
#include "tokenizer_choice.h"
#include "tokenizer_splitter.h"

namespace nopos::host {

int run_preprocess(const Words& words) {
  const Command& own = command("preprocess");
  const auto described = describe_options<PreprocessOptions>();
  if (wants_help(words)) {
    print_tokenizer_help(own, words, described);
    return 0;
  }
  const TokenizerChoice choice = choose_tokenizer(own, words, described);
  for (const std::string& notice : choice.notices) log_info("nopos.preprocess", notice);
  std::optional<TokenizerSplitter> splitter;
  if (choice.tokenizer) {
    log_info("nopos.preprocess", choice.name);
    splitter.emplace(choice.tokenizer);
  }
  nopos::run_preprocess(
      read_options<PreprocessOptions>(choice.command.resolved.values, PreprocessOptions::group),
      splitter ? &*splitter : nullptr);
  return 0;
}

}  // namespace nopos::host
