#include <filesystem>
#include <optional>

#include "commands.h"
#include "help.h"
#include "nopos/log.h"
#include "preprocess.h"
#include "tokenizer_choice.h"
#include "tokenizer_splitter.h"

namespace nopos::host {

namespace {

/// Of the folder that a dictionary lies in.
std::optional<RecordedTokenizer> recorded_beside(const std::optional<std::string>& dictionary) {
  if (!dictionary) return std::nullopt;
  return recorded_in_folder(std::filesystem::path(*dictionary).parent_path());
}

}  // namespace

int run_preprocess(const Words& words) {
  const Command& own = command("preprocess");
  const auto described = describe_options<PreprocessOptions>();
  if (wants_help(words)) {
    print_tokenizer_help(own, words, described);
    return 0;
  }
  const auto recorded = recorded_beside(given_text(words, "srcdict"));
  const TokenizerChoice choice = choose_tokenizer(own, words, described, recorded, WithRecord::yes);
  for (const std::string& notice : choice.notices) log_info("nopos.preprocess", notice);
  std::optional<TokenizerSplitter> splitter;
  std::optional<PreprocessTokenizer> tokenizer;
  if (choice.tokenizer) {
    const bool named = given_text(words, "tokenizer").has_value();
    log_info("nopos.preprocess", choice.name + (named ? "" : ", as " + recorded->place + " says"));
    splitter.emplace(choice.tokenizer);
    tokenizer = {&*splitter, choice.tokenizer->symbols(), *choice.record};
  }
  nopos::run_preprocess(
      read_options<PreprocessOptions>(choice.command.resolved.values, PreprocessOptions::group),
      tokenizer ? &*tokenizer : nullptr);
  return 0;
}

}  // namespace nopos::host
