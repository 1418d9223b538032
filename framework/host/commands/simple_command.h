#pragma once
/// Commands that are told everything by their options.

#include <string>

#include "commands.h"
#include "help.h"
#include "nopos/options.h"
#include "settings/arguments.h"

namespace nopos::host {

/// Runs the command `name` ("list", or "prepare pile") with the options that the words give, or prints its
/// help where they ask for that. \throws Error (usage, configuration), and what `run` throws
template <class Options, class Run>
int simple_command(const std::string& name, const Words& words, const Run& run) {
  const std::vector<OptionInfo> described = describe_options<Options>();
  if (wants_help(words)) {
    print_command_help(command(name.substr(0, name.find(' '))), described);
    return 0;
  }
  return run(read_options<Options>(parse_settings(words, described, name), name));
}

/// The words behind the one that says what to do, of a command that has one such word: `config show`.
/// `arguments` stand behind it in messages. \throws Error (usage) where it is another, or missing
Words words_behind(const std::string& word, const std::string& command, const Words& words,
                   const std::string& arguments);

}  // namespace nopos::host
