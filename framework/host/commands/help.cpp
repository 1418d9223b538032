#include "help.h"

#include <algorithm>
#include <cctype>
#include <iostream>

#include "nopos/strings.h"
#include "output/terminal.h"

namespace nopos::host {
namespace {

/// Where the help of a command goes while `help_page` collects it; otherwise it is printed.
HelpPage* collecting = nullptr;

std::string bound(const OptionInfo& option, double value) {
  const bool whole = option.type == OptionType::integer || option.type == OptionType::integers;
  return to_text(whole ? Value(static_cast<std::int64_t>(value)) : Value(value));
}

std::string type_name(OptionType type) {
  if (type == OptionType::boolean) return "";
  std::string name(to_string(type));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  return name;
}

void print_flags(const std::string& heading, const std::vector<const OptionInfo*>& options) {
  if (options.empty()) return;
  const auto flag = [](const OptionInfo* option) { return "--" + option->name; };
  print_paragraph(heading + " " + join(options, ", ", flag), 2);
}

}  // namespace

void print_help() {
  print_paragraph("nopos-host trains transformer language models; every component is a plugin.");
  std::cout << "\nusage: nopos-host COMMAND [ARGUMENTS]\n\n" << styled("commands", Style::bold) << '\n';
  Table table({}, 2);
  for (const Command& command : commands()) table.add({command.name, command.summary});
  table.print();
  std::cout << '\n';
  print_paragraph(
      "See nopos-host help COMMAND for details, nopos-host version for the version. --plugin-path, --threads "
      "and --json may also come before the command.");
}

HelpPage help_page(const Command& command, Words words) {
  HelpPage page;
  words.emplace_back("--help");
  const struct Collecting {
    explicit Collecting(HelpPage& page) { collecting = &page; }
    ~Collecting() { collecting = nullptr; }
  } while_it_runs(page);
  command.run(words);
  return page;
}

void print_usage(const Command& command) {
  if (collecting != nullptr) {
    collecting->usage = command.usage;
    collecting->summary = command.summary;
    return;
  }
  std::cout << "usage: nopos-host " << command.name << ' ' << command.usage << "\n\n";
  print_paragraph(command.summary);
}

std::string described_values(const OptionInfo& option) {
  if (option.above) {
    return "above " + bound(option, *option.above) + (option.max ? " to " + bound(option, *option.max) : "");
  }
  if (option.min && option.max) return bound(option, *option.min) + " to " + bound(option, *option.max);
  if (option.min) return "at least " + bound(option, *option.min);
  if (option.max) return "at most " + bound(option, *option.max);
  return option.choices.empty() ? "" : "one of " + join(option.choices);
}

std::vector<std::string> option_row(const OptionInfo& option) {
  std::string flags = option.positional ? option.name + " or --" + option.name : "--" + option.name;
  for (const std::string& alias : option.aliases) flags += ", --" + alias;
  const std::string type = type_name(option.type);
  std::string details = described_values(option);
  const bool off = option.type == OptionType::boolean && option.default_value == Value(false);
  if (!off && !std::holds_alternative<NotGiven>(option.default_value)) {
    const std::string text = to_text(option.default_value);
    details += (details.empty() ? "default: " : "; default: ") + (text.empty() ? "empty" : text);
  }
  return {flags + (type.empty() ? "" : " " + type),
          option.help + (details.empty() ? "" : " (" + details + ")")};
}

void print_note(const std::string& text, const std::string& heading) {
  if (collecting != nullptr) {
    collecting->notes.push_back(heading.empty() ? text : heading + ": " + text);
    return;
  }
  std::cout << '\n';
  if (!heading.empty()) std::cout << styled(heading, Style::bold) << '\n';
  print_paragraph(text, heading.empty() ? 0 : 2);
}

void print_options(const std::string& heading, const std::vector<OptionInfo>& options) {
  if (collecting != nullptr) {
    collecting->sections.push_back({heading, options});
    return;
  }
  std::cout << '\n' << styled(heading, Style::bold) << '\n';
  Table table({}, 2);
  std::vector<const OptionInfo*> without_effect, refused;
  for (const OptionInfo& option : options) {
    if (option.effect == Effect::active) table.add(option_row(option));
    if (option.effect == Effect::no_effect) without_effect.push_back(&option);
    if (option.effect == Effect::refused) refused.push_back(&option);
  }
  if (options.empty()) std::cout << "  no options\n";
  table.print();
  print_flags("accepted, without effect:", without_effect);
  print_flags("not supported:", refused);
}

void print_command_help(const Command& command, const std::vector<OptionInfo>& options) {
  print_usage(command);
  print_options("options", options);
}

}  // namespace nopos::host
