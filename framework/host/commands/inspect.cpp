#include <algorithm>
#include <iostream>
#include <optional>

#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/strings.h"
#include "output/json_value.h"
#include "output/terminal.h"
#include "settings/search.h"
#include "shared_options.h"
#include "simple_command.h"

namespace nopos::host {
namespace {

using registry::ComponentManifest;
using registry::PluginManifest;
using registry::Preset;

struct InspectOptions : PluginPathOption {
  std::optional<std::string> component;
  bool json = false;

  NOPOS_OPTIONS(o) {
    o.add("component", &InspectOptions::component,
          "KIND/NAME, such as positional_encoding/alibi, or NAME if it is unique; NAME may be a preset",
          Positional{});
    o.add("json", &InspectOptions::json, "write JSON");
    PluginPathOption::nopos_options(o);
  }
};

// A name alone: the kind is found where one kind has it.
registry::Resolved find_in_all_kinds(const registry::Catalogue& catalogue, const std::string& name) {
  std::vector<std::string> kinds, known;
  for (const std::string& kind : catalogue.kinds()) {
    const auto names = catalogue.names(kind);
    if (std::find(names.begin(), names.end(), name) != names.end()) kinds.push_back(kind);
    known.insert(known.end(), names.begin(), names.end());
  }
  if (kinds.size() == 1) return catalogue.resolve(kinds.front(), name);
  if (kinds.empty()) {
    throw Error(ExitCode::plugin_missing,
                "no plugin offers '" + name + "'" + did_you_mean(name, known) + "\nsee nopos-host list");
  }
  const std::string spellings =
      join(kinds, " or ", [&](const std::string& kind) { return kind + "/" + name; });
  throw Error(ExitCode::usage, "'" + name + "' is ambiguous: write " + spellings);
}

// "architecture/transformer_lm", or qualified: "acme.rotary:positional_encoding/rotary"; or the name alone.
registry::Resolved find(const registry::Catalogue& catalogue, const std::string& text) {
  const std::size_t slash = text.rfind('/');
  if (slash == std::string::npos && !text.empty()) return find_in_all_kinds(catalogue, text);
  if (slash == std::string::npos || slash == 0 || slash + 1 == text.size()) {
    throw Error(ExitCode::usage,
                "inspect: '" + text + "' is not of the form KIND/NAME, such as positional_encoding/alibi");
  }
  const std::size_t colon = text.find(':');
  const bool qualified = colon != std::string::npos && colon < slash;
  const std::size_t kind = qualified ? colon + 1 : 0;
  return catalogue.resolve(text.substr(kind, slash - kind), qualified ? text : text.substr(slash + 1));
}

Json values_json(const std::vector<std::pair<std::string, Value>>& values) {
  Json json = Json::object();
  for (const auto& [name, value] : values) json[name] = to_json(value);
  return json;
}

Json option_json(const OptionInfo& option) {
  Json json{{"name", option.name},
            {"type", to_string(option.type)},
            {"default", to_json(option.default_value)},
            {"help", option.help},
            {"optional", option.optional},
            {"min", option.min ? Json(*option.min) : Json()},
            {"max", option.max ? Json(*option.max) : Json()},
            {"above", option.above ? Json(*option.above) : Json()},
            {"choices", option.choices},
            {"aliases", option.aliases}};
  json["effect"] = option.effect == Effect::active      ? "active"
                   : option.effect == Effect::no_effect ? "none: " + option.effect_reason
                                                        : "not supported: " + option.effect_reason;
  return json;
}

void print_json_component(const PluginManifest& plugin, const ComponentManifest& component) {
  Json options = Json::array(), presets = Json::array(), facts = Json::object();
  for (const auto& [about, fact] : plugin.facts) facts[about] = fact;
  for (const OptionInfo& option : component.options) options.push_back(option_json(option));
  for (const Preset& preset : component.presets) {
    presets.push_back({{"name", preset.name},
                       {"summary", preset.summary},
                       {"values", values_json(preset.values)},
                       {"forced", values_json(preset.forced)}});
  }
  print_json({{"kind", component.kind},
              {"name", component.name},
              {"summary", component.summary},
              {"aliases", component.aliases},
              {"interface_version", to_string(component.interface_version)},
              {"options", std::move(options)},
              {"presets", std::move(presets)},
              {"plugin",
               {{"id", plugin.id},
                {"version", plugin.version},
                {"summary", plugin.summary},
                {"license", plugin.license},
                {"author", plugin.author},
                {"paper", plugin.paper},
                {"facts", std::move(facts)},
                {"library", plugin.library.string()},
                {"manifest", plugin.file.string()},
                {"build_id", plugin.build_id},
                {"abi", plugin.abi}}}});
}

void append_values(std::string& text, const std::vector<std::pair<std::string, Value>>& values,
                   const std::string& heading) {
  if (values.empty()) return;
  text += (text.empty() ? "" : "; ") + heading +
          join(values, ", ", [](const auto& one) { return one.first + " " + to_text(one.second); });
}

void print_presets(const std::vector<Preset>& presets) {
  std::cout << '\n' << styled("presets", Style::bold) << '\n';
  Table table({}, 2);
  for (const Preset& preset : presets) {
    std::string values;
    append_values(values, preset.values, "");
    append_values(values, preset.forced, "always ");
    table.add({preset.name, preset.summary + (values.empty() ? "" : " [" + values + "]")});
  }
  table.print();
}

void print_component(const PluginManifest& plugin, const ComponentManifest& component) {
  std::cout << styled(component.kind + "/" + component.name, Style::bold) << '\n';
  print_paragraph(component.summary, 2);
  std::cout << '\n';
  Table facts({}, 2);
  const std::string license = plugin.license.empty() ? "" : " (" + plugin.license + ")";
  facts.add({"plugin", plugin.id + " " + plugin.version + license + ": " + plugin.summary});
  if (!plugin.author.empty()) facts.add({"author", plugin.author});
  if (!plugin.paper.empty()) facts.add({"paper", plugin.paper});
  for (const auto& [about, fact] : plugin.facts) facts.add({about, fact});
  if (!component.aliases.empty()) facts.add({"also called", join(component.aliases)});
  facts.add({"interface", component.kind + " " + to_string(component.interface_version)});
  facts.add({"library", plugin.library.string()});
  facts.add({"manifest", plugin.file.string()});
  facts.add({"build id", plugin.build_id});
  facts.add({"built for",
             join(plugin.abi, ", ", [](const auto& field) { return field.first + " " + field.second; })});
  facts.print();
  print_options("options", component.options);
  if (!component.presets.empty()) print_presets(component.presets);
}

int inspect(const InspectOptions& options) {
  if (!options.component)
    throw Error(ExitCode::usage, "inspect needs a name or KIND/NAME, such as positional_encoding/alibi");
  const auto catalogue = scan_plugins(options.plugin_path.value_or(""));
  const auto found = find(catalogue, *options.component);
  ComponentManifest component = *found.component;
  if (found.preset != nullptr) component.presets = {*found.preset};  // the one that was asked for
  options.json ? print_json_component(found.entry->manifest, component)
               : print_component(found.entry->manifest, component);
  return 0;
}

}  // namespace

int run_inspect(const Words& words) { return simple_command<InspectOptions>("inspect", words, inspect); }

}  // namespace nopos::host
