#include <algorithm>
#include <iostream>
#include <optional>

#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/printable.h"
#include "nopos/strings.h"
#include "output/json_value.h"
#include "output/terminal.h"
#include "settings/search.h"
#include "shared_options.h"
#include "simple_command.h"

namespace nopos::host {
namespace {

using registry::ComponentManifest;
using registry::Entry;
using registry::Status;

struct ListOptions : PluginPathOption {
  std::optional<std::string> kind;
  bool all = false, json = false;

  NOPOS_OPTIONS(o) {
    o.add("kind", &ListOptions::kind, "only components of this kind", Positional{});
    o.add("all", &ListOptions::all, "include plugins that are shadowed or broken, with the reason");
    o.add("json", &ListOptions::json, "write JSON");
    PluginPathOption::nopos_options(o);
  }
};

struct Row {
  const Entry* entry;
  const ComponentManifest* component;
};

std::string_view status_name(Status status) {
  return status == Status::usable ? "usable" : status == Status::shadowed ? "shadowed" : "broken";
}

// Components of the kind, sorted by kind and name; plugins whose manifest could not be read have none.
std::vector<Row> rows_of(const registry::Catalogue& catalogue, const ListOptions& options) {
  std::vector<Row> rows;
  for (const Entry& entry : catalogue.entries()) {
    if (entry.status != Status::usable) continue;
    for (const ComponentManifest& component : entry.manifest.components) {
      if (!options.kind || component.kind == *options.kind) rows.push_back({&entry, &component});
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::tie(a.component->kind, a.component->name) < std::tie(b.component->kind, b.component->name);
  });
  return rows;
}

bool concerns(const Entry& entry, const std::optional<std::string>& kind) {
  const auto& components = entry.manifest.components;
  return !kind || components.empty() ||
         std::any_of(components.begin(), components.end(),
                     [&](const ComponentManifest& component) { return component.kind == *kind; });
}

std::string summary(const ComponentManifest& component) {
  return component.summary + (component.aliases.empty() ? "" : "; also called " + join(component.aliases));
}

std::string presets_of(const ComponentManifest& component) {
  if (component.presets.empty()) return "";
  return "presets of " + component.name + ": " + join(component.presets, ", ", &registry::Preset::name);
}

void print_json_list(const registry::Catalogue& catalogue, const ListOptions& options) {
  Json components = Json::array(), ignored = Json::array();
  for (const auto& [entry, component] : rows_of(catalogue, options)) {
    Json presets = Json::array();
    for (const registry::Preset& preset : component->presets) presets.push_back(preset.name);
    components.push_back({{"kind", component->kind},
                          {"name", component->name},
                          {"summary", component->summary},
                          {"aliases", component->aliases},
                          {"presets", std::move(presets)},
                          {"plugin", entry->manifest.id},
                          {"version", entry->manifest.version},
                          {"library", entry->manifest.library.string()}});
  }
  Json document{{"components", std::move(components)}};
  if (options.all) {
    for (const Entry& entry : catalogue.entries()) {
      if (entry.status == Status::usable || !concerns(entry, options.kind)) continue;
      ignored.push_back({{"plugin", entry.manifest.id},
                         {"version", entry.manifest.version},
                         {"manifest", entry.manifest.file.string()},
                         {"status", status_name(entry.status)},
                         {"reason", entry.reason}});
    }
    document["ignored"] = std::move(ignored);
  }
  print_json(document);
}

void print_list(const registry::Catalogue& catalogue, const ListOptions& options) {
  const auto rows = rows_of(catalogue, options);
  if (rows.empty()) {
    std::cout << "no plugins found; searched:\n";
    for (const auto& directory : catalogue.directories())
      std::cout << "  " << printable(directory.path.string()) << '\n';
  }
  for (auto row = rows.begin(); row != rows.end();) {
    const std::string& kind = row->component->kind;
    std::cout << styled(kind, Style::bold) << '\n';
    Table table({}, 2);
    std::string presets;
    for (; row != rows.end() && row->component->kind == kind; ++row) {
      const auto& [entry, component] = *row;
      table.add({component->name, entry->manifest.id + " " + entry->manifest.version, summary(*component)});
      presets += presets_of(*component);
    }
    table.print();
    if (!presets.empty()) print_paragraph(presets, 2);
  }
  std::size_t ignored = 0;
  for (const Entry& entry : catalogue.entries()) {
    if (entry.status == Status::usable || !concerns(entry, options.kind)) continue;
    ++ignored;
    if (!options.all) continue;
    if (ignored == 1) std::cout << '\n' << styled("ignored", Style::bold) << '\n';
    std::cout << "  " << styled(status_name(entry.status), Style::warning) << ' '
              << printable((entry.manifest.id.empty() ? "" : entry.manifest.id + " ") +
                           entry.manifest.file.string())
              << '\n';
    print_paragraph(entry.reason, 4);
  }
  if (ignored > 0 && !options.all) {
    std::cout << '\n';
    print_paragraph(std::to_string(ignored) + (ignored == 1 ? " plugin is" : " plugins are") +
                    " ignored; see nopos-host list --all.");
  }
}

int list(const ListOptions& options) {
  const auto catalogue = scan_plugins(options.plugin_path.value_or(""));
  const auto kinds = catalogue.kinds();
  if (options.kind && std::find(kinds.begin(), kinds.end(), *options.kind) == kinds.end()) {
    throw Error(ExitCode::plugin_missing, "no plugin offers the kind '" + *options.kind + "'" +
                                              did_you_mean(*options.kind, kinds) +
                                              "; kinds found: " + (kinds.empty() ? "none" : join(kinds)));
  }
  options.json ? print_json_list(catalogue, options) : print_list(catalogue, options);
  return 0;
}

}  // namespace

int run_list(const Words& words) { return simple_command<ListOptions>("list", words, list); }

}  // namespace nopos::host
