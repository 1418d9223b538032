#pragma once
/// The commands of nopos-host: words after the command's name in, exit code out. \throws Error

#include "output/standard_output.h"
#include "settings/arguments.h"

namespace nopos::host {

int run_train(const Words& words);
int run_eval_lm(const Words& words);
int run_validate(const Words& words);
int run_preprocess(const Words& words);
int run_encode(const Words& words);
int run_decode(const Words& words);
int run_prepare(const Words& words);
int run_list(const Words& words);
int run_inspect(const Words& words);
int run_inspect_checkpoint(const Words& words);
int run_inspect_data(const Words& words);
int run_convert(const Words& words);
int run_config(const Words& words);
int run_plot(const Words& words);
int run_doctor(const Words& words);
int run_completion(const Words& words);
int run_man(const Words& words);

struct Command {
  const char *name, *usage, *summary;
  int (*run)(const Words& words);
  Output output = Output::result;
};

const std::vector<Command>& commands();
const Command& command(const std::string& name);

/// Runs what the words after the program's name say: `[FLAGS] COMMAND [ARGUMENTS]`, `help [COMMAND]`,
/// `version`. Tells `output` what it means to the command.
int run_command_line(Words words, StandardOutput& output);

}  // namespace nopos::host
