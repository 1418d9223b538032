#include "tokenizer_choice.h"

#include <algorithm>
#include <optional>

#include "help.h"
#include "nopos/error.h"
#include "nopos/registry/loader.h"
#include "search.h"
#include "watched_tokenizer.h"

namespace nopos::host {
namespace {

struct Named {
  registry::PluginManifest plugin;
  Owner owner;
  std::string component;
};

/// The tokenizer that `--tokenizer` names last, if it does.
std::optional<Named> named_tokenizer(const Words& words) {
  std::string name;
  for (const Argument& argument : parse_known_arguments(words, {{"tokenizer", false}})) {
    if (argument.flag == "tokenizer") name = argument.text;
  }
  if (name.empty()) return std::nullopt;
  const registry::Catalogue catalogue = scan_plugins(plugin_path(words));
  const registry::Resolved found = catalogue.resolve(Tokenizer::kind, name);
  const registry::PluginManifest& plugin = found.entry->manifest;
  Owner owner{std::string(Tokenizer::kind) + "/" + found.component->name,
              plugin.id + " " + plugin.version,
              {Tokenizer::kind},
              found.component->options,
              found.preset,
              {},
              "",
              {}};
  return Named{plugin, std::move(owner), found.component->name};
}

}  // namespace

TokenizerChoice choose_tokenizer(const Command& command, const Words& words,
                                 std::vector<OptionInfo> options) {
  const auto named = named_tokenizer(words);
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
  return choice;
}

void print_tokenizer_help(const Command& command, const Words& words,
                          const std::vector<OptionInfo>& options) {
  print_command_help(command, options);
  if (const auto named = named_tokenizer(words)) print_options(heading(named->owner), named->owner.options);
}

}  // namespace nopos::host
