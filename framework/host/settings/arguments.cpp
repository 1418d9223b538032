#include "arguments.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cctype>
#include <set>

#include "nopos/error.h"

namespace po = boost::program_options;

namespace nopos::host {
namespace {

/// What joins the values of a flag that adds up instead of replacing; 0 for every other flag.
char joint_of(std::string_view flag) {
  if (flag == "plugin-path") return ':';
  if (flag == "paths" || flag == "runs" || flag == "output") return '\n';
  return '\0';
}

constexpr int style = po::command_line_style::allow_long | po::command_line_style::long_allow_adjacent |
                      po::command_line_style::long_allow_next;

std::string bare(std::string flag) {
  flag.erase(0, std::min(flag.find_first_not_of('-'), flag.size()));
  return flag.substr(0, flag.find('='));
}

/// Whether a word can only be meant as a flag: `--cpu`, but neither `-0.5`, `-` nor "-- a title".
bool looks_like_flag(const std::string& word) {
  return word.starts_with("--") && word.size() > 2 &&
         std::isalpha(static_cast<unsigned char>(word[2])) != 0 && word.find(' ') == std::string::npos;
}

/// The library would take the flag that stands behind a flag without its value for that value.
void refuse_missing_values(const Words& words, const std::set<std::string>& with_value) {
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (!with_value.contains(words[i])) continue;
    const std::string& next = words[++i];
    if (!looks_like_flag(next)) continue;
    throw Error(ExitCode::usage, "flag '" + words[i - 1] + "' needs a value, but '" + next +
                                     "' follows: write " + words[i - 1] + " VALUE, or " + words[i - 1] + "=" +
                                     next + " if you mean that");
  }
}

std::vector<Argument> parse(const Words& words, const std::vector<Flag>& flags, bool allow_unknown) {
  po::options_description known;
  std::set<std::string> added, bare_switches, with_value;
  for (const Flag& flag : flags) {
    if (!added.insert(flag.name).second) continue;
    known.add_options()(flag.name.c_str(), po::value<std::string>(), "");
    (flag.is_switch ? bare_switches : with_value).insert("--" + flag.name);
  }
  refuse_missing_values(words, with_value);
  // The library would take the word behind a bare switch for its value: `--cpu data-bin`.
  Words complete = words;
  for (std::string& word : complete) {
    if (bare_switches.contains(word)) word += "=true";
  }
  po::command_line_parser parser(complete);
  parser.options(known).style(style);
  if (allow_unknown) parser.allow_unregistered();
  std::vector<Argument> arguments;
  for (const po::option& option : parser.run().options) {
    if (option.unregistered) continue;
    arguments.push_back(
        {option.position_key < 0 ? option.string_key : "", option.value.empty() ? "" : option.value.front()});
  }
  return arguments;
}

}  // namespace

std::vector<Argument> parse_arguments(const Words& words, const std::vector<Flag>& flags,
                                      const ExplainUnknown& explain) {
  const auto refuse = [&](const std::string& written) {
    std::string reason = explain ? explain(bare(written)) : "";
    if (reason.empty()) {
      std::vector<std::string> known;
      for (const Flag& one : flags) known.push_back("--" + one.name);
      reason = did_you_mean("--" + bare(written), known);
    }
    throw Error(ExitCode::usage, "unknown flag '" + written + "'" + reason);
  };
  try {
    auto arguments = parse(words, flags, false);
    // What begins with a dash and is no flag of any kind, the library takes for a positional argument.
    for (const std::string& word : words) {
      if (word.starts_with("--=")) refuse(word);
    }
    for (const auto& [flag, text] : arguments) {
      if (flag.empty() && text.size() > 1 && text.front() == '-') refuse(text);
    }
    return arguments;
  } catch (const po::unknown_option& error) {
    refuse("--" + bare(error.get_option_name()));
  } catch (const po::invalid_command_line_syntax& error) {
    const std::string flag = "--" + bare(error.get_option_name());
    throw Error(ExitCode::usage,
                "flag '" + flag + "' needs a value: write " + flag + " VALUE or " + flag + "=VALUE");
  } catch (const po::error& error) {
    throw Error(ExitCode::usage, error.what());
  }
  return {};
}

std::vector<Argument> parse_known_arguments(const Words& words, const std::vector<Flag>& flags) {
  try {
    return parse(words, flags, true);
  } catch (const po::error&) {
    return parse_arguments(words, flags);  // says what is wrong
  }
}

void append_flags(std::vector<Flag>& flags, const std::vector<OptionInfo>& options,
                  const std::string& qualifier) {
  const std::string prefix = qualifier.empty() ? "" : qualifier + ".";
  for (const OptionInfo& option : options) {
    const bool is_switch = option.type == OptionType::boolean;
    flags.push_back({prefix + option.name, is_switch});
    for (const std::string& alias : option.aliases) flags.push_back({prefix + alias, is_switch});
  }
}

bool names(const Argument& argument, const OptionInfo& option, const std::string& qualifier) {
  if (argument.flag.empty()) return option.positional && qualifier.empty();
  const std::string prefix = qualifier.empty() ? "" : qualifier + ".";
  return argument.flag == prefix + option.name ||
         std::any_of(option.aliases.begin(), option.aliases.end(),
                     [&](const std::string& alias) { return argument.flag == prefix + alias; });
}

Settings parse_settings(const Words& words, const std::vector<OptionInfo>& options,
                        const std::string& command) {
  std::vector<Flag> flags{{"help", true}};
  append_flags(flags, options);
  Settings settings;
  bool positional_taken = false;
  for (const Argument& argument : parse_arguments(words, flags)) {
    const auto option = std::find_if(options.begin(), options.end(),
                                     [&](const OptionInfo& one) { return names(argument, one); });
    const char joint = option == options.end() ? '\0' : joint_of(option->name);
    if (option == options.end() ||
        (argument.flag.empty() && joint == '\0' && std::exchange(positional_taken, true))) {
      throw Error(ExitCode::usage, command + ": unexpected argument '" + argument.text +
                                       "'; see nopos-host " + command + " --help");
    }
    const auto before = settings.find(option->name);
    const std::string text = joint == '\0' || before == settings.end()
                                 ? argument.text
                                 : std::get<std::string>(before->second) + joint + argument.text;
    settings[option->name] = parse_value(*option, text, command);
  }
  return settings;
}

Settings take_settings(Words& words, const std::vector<OptionInfo>& options, const std::string& command) {
  Settings settings;
  Words rest;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Argument written{words[i].starts_with("--") ? bare(words[i]) : "", ""};
    const auto option = std::find_if(options.begin(), options.end(), [&](const OptionInfo& one) {
      return !written.flag.empty() && names(written, one);
    });
    if (option == options.end()) {
      rest.push_back(words[i]);
      continue;
    }
    Words own{words[i]};
    const bool value_follows = option->type != OptionType::boolean && words[i].find('=') == std::string::npos;
    if (value_follows && i + 1 < words.size()) own.push_back(words[++i]);
    for (auto& [name, value] : parse_settings(own, {*option}, command)) settings[name] = std::move(value);
  }
  words = std::move(rest);
  return settings;
}

bool wants_help(const Words& words) {
  return std::find(words.begin(), words.end(), "--help") != words.end() ||
         std::find(words.begin(), words.end(), "-h") != words.end();
}

}  // namespace nopos::host
