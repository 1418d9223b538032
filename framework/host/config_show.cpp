#include <iostream>

#include "commands.h"
#include "help.h"
#include "json_value.h"
#include "nopos/error.h"
#include "run_setup.h"
#include "terminal.h"

namespace nopos::host {
namespace {

void print_settings(const RunSetup& setup) {
  for (const Owner& owner : setup.owners) {
    std::cout << styled(heading(owner), Style::bold) << '\n';
    Table table({}, 2);
    for (const OptionInfo& option : owner.options) {
      const std::string text = to_text(owner.resolved.values.at(option.name));
      table.add({option.name, text.empty() ? "\"\"" : text, owner.resolved.sources.at(option.name)});
    }
    if (table.empty()) std::cout << "  no options\n";
    table.print();
    std::cout << '\n';
  }
  for (const Choice& choice : setup.choices) {
    if (choice.kind == "positional_encoding")
      std::cout << "positional encoding: " << choice.resolved.component->name << " (" << choice.source
                << ")\n";
  }
  for (const std::string& notice : setup.notices) print_paragraph(notice);
}

void print_settings_json(const RunSetup& setup) {
  Json options = Json::object(), components = Json::array();
  for (const Owner& owner : setup.owners) {
    Json& group = options[owner.label] = Json::object();
    for (const OptionInfo& option : owner.options) {
      group[option.name] = {{"value", to_json(owner.resolved.values.at(option.name))},
                            {"source", owner.resolved.sources.at(option.name)}};
    }
  }
  for (const Choice& choice : setup.choices) {
    const auto& plugin = choice.resolved.entry->manifest;
    components.push_back({{"kind", choice.kind},
                          {"name", choice.resolved.component->name},
                          {"given_name", choice.given_name},
                          {"source", choice.source},
                          {"plugin", plugin.id},
                          {"version", plugin.version}});
  }
  print_json(
      {{"components", std::move(components)}, {"options", std::move(options)}, {"notices", setup.notices}});
}

}  // namespace

int run_config(const Words& words) {
  if (words.empty() || words[0] != "show") {
    if (wants_help(words)) {
      print_usage(command("config"));
      return 0;
    }
    throw Error(ExitCode::usage, words.empty()
                                     ? "nopos-host config: write nopos-host config show [FLAGS OF train]"
                                     : "nopos-host config: unknown word '" + words[0] +
                                           "'; there is nopos-host config show [FLAGS OF train]");
  }
  if (wants_help(words)) {
    print_usage(command("config"));
    return 0;
  }
  Words rest(words.begin() + 1, words.end());
  const bool json = std::erase(rest, "--json") > 0;
  const RunSetup setup = set_up_run(rest, false);
  json ? print_settings_json(setup) : print_settings(setup);
  return 0;
}

}  // namespace nopos::host
