#pragma once
/// `--help` of every command, from the same declarations that are checked.

#include <string>
#include <vector>

#include "commands.h"
#include "nopos/options.h"

namespace nopos::host {

/// Help of one command, for whoever renders it otherwise than as text: man pages, completion of shells.
struct HelpPage {
  struct Section {
    std::string heading;
    std::vector<OptionInfo> options;
  };
  std::string usage, summary;
  std::vector<Section> sections;
  std::vector<std::string> notes;  ///< sentences behind the options
};

/// What `COMMAND WORDS --help` shows: with the options of the components that the words choose. \throws Error
HelpPage help_page(const Command& command, Words words = {});

/// The program's own help: what it is and its commands.
void print_help();

/// "usage: nopos-host list [KIND] ..." and the command's sentence.
void print_usage(const Command& command);

/// One heading and a table of the options that do something; the others are named in one paragraph each.
void print_options(const std::string& heading, const std::vector<OptionInfo>& options);

/// "at least 1", "one of a, b", "0.0 to 1.0"; empty where every value of the type will do.
std::string described_values(const OptionInfo& option);

/// One option as cells: its flags and type; its meaning, values and default.
std::vector<std::string> option_row(const OptionInfo& option);

/// A sentence behind the options, with a heading or none.
void print_note(const std::string& text, const std::string& heading = "");

/// Usage and options, for commands with one list of them.
void print_command_help(const Command& command, const std::vector<OptionInfo>& options);

}  // namespace nopos::host
