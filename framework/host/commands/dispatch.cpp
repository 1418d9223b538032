/// The commands, and which of them a command line means.

#include <algorithm>
#include <iostream>

#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/log_level.h"
#include "nopos/strings.h"
#include "version.h"

namespace nopos::host {

const std::vector<Command>& commands() {
  static const std::vector<Command> all{
      {"train", "DATA --arch NAME --optimizer NAME [FLAGS]", "Train a model.", run_train, Output::report},
      {"eval-lm", "DATA --path FILE [FLAGS]", "Evaluate the model of a checkpoint on a split of the data.",
       run_eval_lm},
      {"validate", "[DATA] --path FILE [FLAGS OF train]",
       "Validate a checkpoint as in training, on one or more splits.", run_validate},
      {"preprocess", "--only-source --trainpref FILE [FLAGS]",
       "Build a dictionary and binary data from text.", run_preprocess, Output::report},
      {"encode", "--tokenizer NAME [FILE] [OPTIONS OF THE TOKENIZER]",
       "Tokenize text: write the symbols of each line, separated by spaces.", run_encode},
      {"decode", "--tokenizer NAME [FILE] [OPTIONS OF THE TOKENIZER]",
       "Convert symbols back to text, the inverse of encode.", run_decode},
      {"prepare", "pile FILE... [FLAGS]", "Prepare training text from The Pile.", run_prepare,
       Output::report},
      {"inspect-data", "DIR [--split NAME] [--json]", "Show the contents of a data folder.",
       run_inspect_data},
      {"list", "[KIND] [--all] [--json]", "List the available plugins.", run_list},
      {"inspect", "[KIND/]NAME [--json]", "Describe one component: its plugin, options and presets.",
       run_inspect},
      {"inspect-checkpoint", "FILE [--json]", "Show the contents of a checkpoint of nopos-host or fairseq.",
       run_inspect_checkpoint},
      {"convert", "FILE [--for transformers] --to FOLDER | FOLDER --to FILE",
       "Convert a checkpoint to safetensors and config.json, or back.", run_convert, Output::report},
      {"config", "show [DATA] [FLAGS OF train] [--json]", "Show the value of every option and its source.",
       run_config},
      {"plot", "RUN... [--output FILE] [FLAGS]",
       "Plot loss, learning rate and gradient norm of runs as SVG or PNG.", run_plot, Output::report},
      {"doctor", "[--probe] [--json]", "Check the installation: LibTorch, plugins, processor.", run_doctor},
      {"completion", "bash|zsh|fish", "Write a shell script that completes commands and flags.",
       run_completion},
      {"man", "[COMMAND] [--output FOLDER]", "Write the manual page of the program or a command.", run_man}};
  return all;
}

const Command& command(const std::string& name) {
  const auto found = std::find_if(commands().begin(), commands().end(),
                                  [&](const Command& one) { return name == one.name; });
  if (found != commands().end()) return *found;
  std::vector<std::string> known;
  for (const Command& one : commands()) known.push_back(one.name);
  throw Error(ExitCode::usage,
              "unknown command '" + name + "'" + did_you_mean(name, known) + "\nsee nopos-host --help");
}

namespace {

/// What may stand before the command, for scripts that set it once. The command takes it as its own.
const std::vector<Flag> before_the_command{{"plugin-path"}, {"threads"}, {"json", true}};

/// Takes the flags that stand before the command out of `words`, as they are written.
Words leading_flags(Words& words) {
  Words leading;
  std::size_t next = 0;
  while (next < words.size() && words[next].starts_with("--")) {
    const std::string name = words[next].substr(2, words[next].find('=') - 2);
    const auto flag = std::find_if(before_the_command.begin(), before_the_command.end(),
                                   [&](const Flag& one) { return one.name == name; });
    if (flag == before_the_command.end()) {
      const std::string list =
          join(before_the_command, ", ", [](const Flag& one) { return "--" + one.name; });
      throw Error(ExitCode::usage, "'" + words[next] + "' is where a command is expected: only " + list +
                                       " may come before it; write nopos-host COMMAND " + words[next] +
                                       "\nsee nopos-host --help");
    }
    const bool value_follows = !flag->is_switch && words[next].find('=') == std::string::npos;
    const std::size_t end = std::min(next + (value_follows ? 2 : 1), words.size());
    leading.insert(leading.end(), words.begin() + static_cast<std::ptrdiff_t>(next),
                   words.begin() + static_cast<std::ptrdiff_t>(end));
    next = end;
  }
  parse_arguments(leading, before_the_command);  // says what is wrong
  words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(next));
  return leading;
}

}  // namespace

int run_command_line(Words words, StandardOutput& output) {
  const auto is = [&](std::initializer_list<const char*> names) {
    return !words.empty() && std::find(names.begin(), names.end(), words.front()) != names.end();
  };
  if (words.empty() || (is({"--help", "-h", "help"}) && words.size() == 1)) {
    print_help();
    return static_cast<int>(words.empty() ? ExitCode::usage : ExitCode::ok);
  }
  if (is({"--version", "version"})) {
    std::cout << "nopos-host " << version() << " (commit " << commit() << ")\n";
    return 0;
  }
  const Words leading = is({"--help", "-h", "help"}) ? Words() : leading_flags(words);
  if (words.empty()) throw Error(ExitCode::usage, "there is no command; see nopos-host --help");
  if (is({"--help", "-h", "help"})) {  // `help COMMAND` is `COMMAND --help`
    words.erase(words.begin());
    if (words.empty()) return run_command_line({"--help"}, output);
    words.emplace_back("--help");
  }
  log_passes(LogLevel::info);  // a level that is none is said now, not by the first record
  const Command& chosen = command(words.front());
  // Behind the word that says what to do (`config show`): those of the command itself count after these.
  const bool has_word = words.size() > 1 && !words[1].starts_with("-");
  words.insert(words.begin() + (has_word ? 2 : 1), leading.begin(), leading.end());
  words.erase(words.begin());
  output.set_meaning(wants_help(words) ? Output::result : chosen.output);
  return chosen.run(words);
}

}  // namespace nopos::host
