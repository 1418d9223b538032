#include <iostream>

#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "output/json_value.h"
#include "output/terminal.h"
#include "settings/host_options.h"
#include "settings/run_head.h"
#include "settings/run_setup.h"
#include "simple_command.h"

namespace nopos::host {
namespace {

struct ConfigShowOptions {
  bool json = false;

  NOPOS_OPTIONS(o) { o.add("json", &ConfigShowOptions::json, "write JSON"); }
};

/// The host's own rows say what a run takes, where nobody said so: the encoding, the threads.
void show_what_is_resolved(RunSetup& setup) {
  ResolvedOptions& host = setup.owner(HostOptions::group).resolved;
  host.sources["positional-encoding"] = setup.encoding_source;
  host.values["positional-encoding"] = encoding_text(setup);
  if (!std::holds_alternative<NotGiven>(host.values.at("threads"))) return;
  host.values["threads"] = std::int64_t{run_threads(host)};
  host.sources["threads"] = "default: as affinity and control group allow";
}

void print_settings(const RunSetup& setup, const std::vector<LayerPlan>& layers) {
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
  if (!layers.empty()) print_paragraph("positional encoding: " + described(layers, chosen_encodings(setup)));
  for (const std::string& notice : setup.notices) print_paragraph(notice);
}

void print_settings_json(const RunSetup& setup, const std::vector<LayerPlan>& layers) {
  Json options = Json::object(), components = Json::array();
  for (const Owner& owner : setup.owners) {
    Json& group = options[owner.label] = Json::object();
    for (const OptionInfo& option : owner.options) {
      group[option.name] = {{"value", to_json(owner.resolved.values.at(option.name))},
                            {"source", owner.resolved.sources.at(option.name)}};
    }
  }
  for (const Owner& owner : setup.owners) {
    if (!owner.choice) continue;
    const Choice& choice = *owner.choice;
    const auto& plugin = choice.resolved.entry->manifest;
    components.push_back({{"kind", choice.kind},
                          {"name", choice.resolved.component->name},
                          {"given_name", choice.given_name},
                          {"source", choice.source},
                          {"plugin", plugin.id},
                          {"version", plugin.version}});
    if (!choice.label.empty()) components.back()["label"] = choice.label;
  }
  Json document = {
      {"components", std::move(components)}, {"options", std::move(options)}, {"notices", setup.notices}};
  for (const LayerPlan& layer : layers) {
    document["layers"].push_back(
        {{"use", layer.use}, {"window", layer.window > 0 ? Json(layer.window) : Json()}});
  }
  print_json(std::move(document));
}

}  // namespace

int run_config(const Words& words) {
  if (wants_help(words)) {
    print_command_help(command("config"), describe_options<ConfigShowOptions>());
    print_note("and the flags of train: see nopos-host train --help");
    return 0;
  }
  const RunWords given(words_behind("show", "config", words, "[FLAGS OF train]"),
                       describe_options<ConfigShowOptions>(), "config show");
  const auto options = given.own_options<ConfigShowOptions>();
  RunSetup setup = set_up_run(given, false);
  show_what_is_resolved(setup);
  const std::vector<LayerPlan> layers = encoding_layers(setup);
  options.json ? print_settings_json(setup, layers) : print_settings(setup, layers);
  return 0;
}

}  // namespace nopos::host
