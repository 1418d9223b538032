#include "tokenizer_choice.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "help.h"
#include "nopos/error.h"
#include "nopos/registry/loader.h"
#include "settings/search.h"
#include "watched_tokenizer.h"

namespace nopos::host {
namespace {

struct Named {
  registry::PluginManifest plugin;
  Owner owner;
  std::string component;
};

std::string qualified_name(const TokenizerRecord& record) {
  return record.plugin + ":" + Tokenizer::kind + "/" + record.name;
}

/// Options that are not known here are left to `resolve`, which names them.
Settings recorded_values(const TokenizerRecord& record, const std::vector<OptionInfo>& options,
                         const std::string& place) {
  Settings values;
  for (const auto& [name, text] : record.options) {
    const auto option = std::find_if(options.begin(), options.end(),
                                     [&name = name](const OptionInfo& one) { return one.name == name; });
    values[name] = option == options.end() ? Value(text) : parse_value(*option, text, place);
  }
  return values;
}

/// The tokenizer that `--tokenizer` names last, or else the recorded one; nothing where there is neither.
std::optional<Named> named_tokenizer(const Words& words, const std::optional<RecordedTokenizer>& recorded) {
  const auto given = given_text(words, "tokenizer");
  if (!given && !recorded) return std::nullopt;
  const registry::Catalogue catalogue = scan_plugins(plugin_path(words));
  const registry::Resolved found =
      catalogue.resolve(Tokenizer::kind, given ? *given : qualified_name(recorded->record));
  const registry::PluginManifest& plugin = found.entry->manifest;
  Owner owner{std::string(Tokenizer::kind) + "/" + found.component->name,
              plugin.id + " " + plugin.version,
              {Tokenizer::kind},
              found.component->options,
              found.preset,
              {},
              "",
              {}};
  if (!given) {
    owner.file = recorded->place;
    owner.file_values = recorded_values(recorded->record, owner.options, recorded->place);
  }
  return Named{plugin, std::move(owner), found.component->name};
}

/// What was given, as texts. A text that names a file is written with its whole path, so that it means the
/// same elsewhere.
std::map<std::string, std::string> given_options(const ResolvedOptions& options) {
  std::map<std::string, std::string> given;
  for (const auto& [name, value] : options.values) {
    if (options.sources.at(name) == "default" || std::holds_alternative<NotGiven>(value)) continue;
    std::string text = to_text(value);
    std::error_code error;
    if (std::holds_alternative<std::string>(value) && std::filesystem::is_regular_file(text, error)) {
      text = std::filesystem::absolute(text).lexically_normal().string();
    }
    given[name] = std::move(text);
  }
  return given;
}

void check(const TokenizerRecord& mine, const RecordedTokenizer& recorded, bool named) {
  const std::string both =
      tokenizer_difference(recorded.record, recorded.place + " says", mine, "this run has");
  if (both.empty()) return;
  throw Error(
      ExitCode::data,
      "this is not the tokenizer used before: " + both + ". " +
          (named ? "Leave out --tokenizer to use that one, or write to a new folder without --srcdict."
                 : "Install the plugin that was used, or preprocess the data again."));
}

}  // namespace

std::optional<std::string> given_text(const Words& words, const std::string& flag) {
  std::optional<std::string> text;
  for (const Argument& argument : parse_known_arguments(words, {{flag, false}})) {
    if (argument.flag == flag) text = argument.text;
  }
  return text;
}

TokenizerChoice choose_tokenizer(const Command& command, const Words& words, std::vector<OptionInfo> options,
                                 const std::optional<RecordedTokenizer>& recorded, WithRecord with_record) {
  const auto named = named_tokenizer(words, recorded);
  std::vector<Owner> owners{{command.name, "", {command.name}, std::move(options), nullptr, {}, "", {}}};
  if (named) owners.push_back(named->owner);

  auto arguments = parse_arguments(words, flags_of(owners));
  const auto& own = owners.front().options;
  const auto is_positional = [](const Argument& argument) { return argument.flag.empty(); };
  const auto places = std::count_if(own.begin(), own.end(), [](const auto& one) { return one.positional; });
  if (std::count_if(arguments.begin(), arguments.end(), is_positional) > places) {
    const auto last = std::find_if(arguments.rbegin(), arguments.rend(), is_positional);
    throw Error(ExitCode::usage, std::string(command.name) + ": unexpected argument '" + last->text +
                                     "'; see nopos-host " + command.name + " --help");
  }
  TokenizerChoice choice;
  resolve(owners, arguments, choice.notices);
  choice.command = owners.front();
  if (named) {
    choice.tokenizer = watched(registry::make_component<Tokenizer>(
        registry::plugin_file(named->plugin), named->component, owners.back().resolved.values, {}));
    choice.name = heading(named->owner);
  }
  if (named && (recorded || with_record == WithRecord::yes)) {
    choice.record = {named->component, named->plugin.id, named->plugin.version,
                     given_options(owners.back().resolved), digest_of(*choice.tokenizer)};
    if (recorded) check(*choice.record, *recorded, given_text(words, "tokenizer").has_value());
  }
  return choice;
}

void print_tokenizer_help(const Command& command, const Words& words,
                          const std::vector<OptionInfo>& options) {
  print_command_help(command, options);
  if (const auto named = named_tokenizer(words, std::nullopt))
    print_options(heading(named->owner), named->owner.options);
}

}  // namespace nopos::host
