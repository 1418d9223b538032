#include "arguments.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cctype>
#include <map>
#include <set>

#include "nopos/error.h"

namespace po = boost::program_options;

namespace nopos::host {
namespace {

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
  std::set<std::string> added, with_value, may_have_value;
  std::map<std::string, std::string> implied;  // what a bare flag stands for
  for (const Flag& flag : flags) {
    if (!added.insert(flag.name).second) continue;
    known.add_options()(flag.name.c_str(), po::value<std::string>(), "");
    if (flag.is_switch) {
      implied["--" + flag.name] = "true";
    } else {
      (flag.implied.empty() ? with_value : may_have_value).insert("--" + flag.name);
      if (!flag.implied.empty()) implied["--" + flag.name] = flag.implied;
    }
  }
  refuse_missing_values(words, with_value);
  // The library would take the word behind a bare switch for its value: `--cpu data-bin`.
  Words complete = words;
  for (std::size_t i = 0; i < complete.size(); ++i) {
    const auto found = implied.find(complete[i]);
    if (found == implied.end()) continue;
    const bool value_follows =
        may_have_value.contains(complete[i]) && i + 1 < complete.size() && !complete[i + 1].starts_with("--");
    if (value_follows) {
      ++i;
    } else {
      complete[i] += "=" + found->second;
    }
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
    flags.push_back({prefix + option.name, is_switch, option.implied});
    for (const std::string& alias : option.aliases)
      flags.push_back({prefix + alias, is_switch, option.implied});
  }
}

bool names(const Argument& argument, const OptionInfo& option, const std::string& qualifier) {
  if (argument.flag.empty()) return option.positional && qualifier.empty();
  const std::string prefix = qualifier.empty() ? "" : qualifier + ".";
  return argument.flag == prefix + option.name ||
         std::any_of(option.aliases.begin(), option.aliases.end(),
                     [&](const std::string& alias) { return argument.flag == prefix + alias; });
}

const OptionInfo* named_option(const Argument& argument, const std::vector<OptionInfo>& options) {
  const auto found = std::find_if(options.begin(), options.end(),
                                  [&](const OptionInfo& one) { return names(argument, one); });
  return found == options.end() ? nullptr : &*found;
}

Value with_further(const OptionInfo& option, const Value* before, Value further) {
  const auto* text = before == nullptr ? nullptr : std::get_if<std::string>(before);
  if (option.joint == '\0' || text == nullptr) return further;
  return *text + option.joint + std::get<std::string>(further);
}

Settings settings_of(const std::vector<Argument>& arguments, const std::vector<OptionInfo>& options,
                     const std::string& command) {
  Settings settings;
  for (const Argument& argument : arguments) {
    const OptionInfo* option = named_option(argument, options);
    if (option == nullptr) continue;
    const auto before = settings.find(option->name);
    settings[option->name] = with_further(*option, before == settings.end() ? nullptr : &before->second,
                                          parse_value(*option, argument.text, command));
  }
  return settings;
}

Settings parse_settings(const Words& words, const std::vector<OptionInfo>& options,
                        const std::string& command) {
  std::vector<Flag> flags{{"help", true}};
  append_flags(flags, options);
  const std::vector<Argument> arguments = parse_arguments(words, flags);
  bool positional_taken = false;
  for (const Argument& argument : arguments) {
    const OptionInfo* option = named_option(argument, options);
    const bool further = argument.flag.empty() && std::exchange(positional_taken, true);
    if (option == nullptr || (further && option->joint == '\0')) {
      throw Error(ExitCode::usage, command + ": unexpected argument '" + argument.text +
                                       "'; see nopos-host " + command + " --help");
    }
  }
  return settings_of(arguments, options, command);
}

bool wants_help(const Words& words) {
  return std::find(words.begin(), words.end(), "--help") != words.end() ||
         std::find(words.begin(), words.end(), "-h") != words.end();
}

}  // namespace nopos::host
