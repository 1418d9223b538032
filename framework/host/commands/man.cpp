/// `nopos-host man`: manual pages (troff, macros of man(7)) from the declarations that `--help` prints.

#include <filesystem>
#include <iostream>
#include <optional>
#include <sstream>

#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/strings.h"
#include "simple_command.h"
#include "version.h"

namespace nopos::host {
namespace {

struct ManOptions {
  std::optional<std::string> page, output;

  NOPOS_OPTIONS(o) {
    o.add("page", &ManOptions::page, "command; default: the page of the program", Positional{});
    o.add("output", &ManOptions::output, "folder to write all pages to, created if missing");
  }
};

constexpr std::pair<const char*, const char*> exit_codes[]{{"0", "done"},
                                                           {"2", "the command line cannot be parsed"},
                                                           {"3", "invalid values"},
                                                           {"4", "a plugin is missing"},
                                                           {"5", "a plugin is incompatible or broken"},
                                                           {"6", "failed while running"},
                                                           {"7", "stopped by a signal, after saving"},
                                                           {"8", "unusable data or checkpoint"}};

constexpr std::pair<const char*, const char*> variables[]{
    {"NOPOS_PLUGIN_PATH", "Folders with plugins, separated by colons, after those of --plugin-path."},
    {"NOPOS_PLUGIN_PATH_ONLY", "Same, but replaces all other folders."},
    {"NOPOS_TORCH_ROOT", "The folder of LibTorch."},
    {"LOGLEVEL", "Lowest level that is logged: DEBUG, INFO, WARNING, ERROR."},
    {"COLUMNS, NO_COLOR", "Width of tables; no colors."}};

/// Text as troff reads it: no line begins with a request, no dash becomes a hyphen.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (result.empty() || result.back() == '\n') {
      if (c == '.' || c == '\'') result += "\\&";
    }
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result;
}

void begin(std::ostream& page, std::string name, const std::string& summary, const std::string& synopsis) {
  page << ".TH " << escaped(name) << " 1 \"\" \"NoPos " << version() << "\" \"NoPos\"\n.SH NAME\n"
       << escaped(name) << " \\- " << escaped(summary) << "\n.SH SYNOPSIS\n.B " << escaped(synopsis) << '\n';
}

void define(std::ostream& page, const std::string& what, const std::string& said) {
  page << ".TP\n.B " << escaped(what) << '\n' << escaped(said) << '\n';
}

void define_options(std::ostream& page, const HelpPage::Section& section) {
  page << ".SS " << escaped(section.heading) << '\n';
  std::vector<std::string> idle, refused;
  for (const OptionInfo& option : section.options) {
    if (option.effect == Effect::active) {
      const auto row = option_row(option);
      define(page, row[0], row[1]);
    } else {
      (option.effect == Effect::no_effect ? idle : refused).push_back("--" + option.name);
    }
  }
  if (!idle.empty()) page << ".PP\nAccepted, without effect: " << escaped(join(idle)) << ".\n";
  if (!refused.empty()) page << ".PP\nNot supported: " << escaped(join(refused)) << ".\n";
}

std::string command_page(const Command& command) {
  const HelpPage help = help_page(command);
  std::ostringstream page;
  begin(page, std::string("nopos-host-") + command.name, help.summary,
        std::string("nopos-host ") + command.name + ' ' + help.usage);
  page << ".SH DESCRIPTION\n" << escaped(help.summary) << '\n';
  for (const std::string& note : help.notes) page << ".PP\n" << escaped(note) << '\n';
  if (!help.sections.empty()) page << ".SH OPTIONS\n";
  for (const auto& section : help.sections) define_options(page, section);
  page << ".SH SEE ALSO\n.BR nopos\\-host (1)\n";
  return page.str();
}

std::string program_page() {
  std::ostringstream page;
  begin(page, "nopos-host", "trains transformer language models; every component is a plugin",
        "nopos-host COMMAND [ARGUMENTS]");
  page << ".SH DESCRIPTION\nEach command has its own page; nopos\\-host help COMMAND shows the same with the "
          "options of the available plugins.\n.SH COMMANDS\n";
  for (const Command& one : commands()) define(page, one.name, one.summary);
  page << ".SH ENVIRONMENT\n";
  for (const auto& [name, said] : variables) define(page, name, said);
  page << ".SH EXIT STATUS\n";
  for (const auto& [code, said] : exit_codes) define(page, code, said);
  page << ".SH SEE ALSO\n";
  for (const Command& one : commands()) {
    page << ".BR nopos\\-host\\-" << escaped(one.name) << " (1)"
         << (&one == &commands().back() ? "\n" : ",\n");
  }
  return page.str();
}

int write_pages(const ManOptions& options) {
  if (!options.output) {
    std::cout << (options.page ? command_page(command(*options.page)) : program_page());
    return 0;
  }
  const std::filesystem::path folder(*options.output);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw Error(ExitCode::data, "man: --output " + folder.string() + " cannot be made: " + error.message());
  replace_file(folder / "nopos-host.1", program_page());
  for (const Command& one : commands())
    replace_file(folder / (std::string("nopos-host-") + one.name + ".1"), command_page(one));
  return 0;
}

}  // namespace

int run_man(const Words& words) { return simple_command<ManOptions>("man", words, write_pages); }

}  // namespace nopos::host
