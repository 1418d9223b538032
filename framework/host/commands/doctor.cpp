#include <filesystem>
#include <iostream>

#include "commands.h"
#include "help.h"
#include "nopos/error.h"
#include "nopos/registry/installation.h"
#include "nopos/registry/loader.h"
#include "nopos/registry/torch_runtime.h"
#include "output/json_value.h"
#include "output/terminal.h"
#include "processor.h"
#include "settings/search.h"
#include "shared_options.h"
#include "simple_command.h"
#include "version.h"

namespace nopos::host {
namespace {

using registry::Entry;
using registry::Status;

struct DoctorOptions : PluginPathOption {
  bool probe = false, json = false;

  NOPOS_OPTIONS(o) {
    o.add("probe", &DoctorOptions::probe, "load every usable plugin, each in a separate process");
    o.add("json", &DoctorOptions::json, "write JSON");
    PluginPathOption::nopos_options(o);
  }
};

struct PluginFinding {
  const Entry* entry;
  std::string status, reason;
};

struct Findings {
  std::vector<registry::TorchRoot> roots;
  const registry::TorchRoot* torch = nullptr;  ///< the root taken
  std::vector<registry::SearchDirectory> directories;
  std::vector<PluginFinding> plugins;
  std::size_t broken = 0, usable = 0;
};

void probe_usable(std::vector<PluginFinding>& findings) {
  std::vector<PluginFinding*> usable;
  std::vector<const registry::PluginManifest*> manifests;
  for (PluginFinding& finding : findings) {
    if (finding.entry->status != Status::usable) continue;
    usable.push_back(&finding);
    manifests.push_back(&finding.entry->manifest);
  }
  const std::vector<std::string> reasons = registry::probe(manifests);
  for (std::size_t i = 0; i < usable.size(); ++i) {
    usable[i]->reason = reasons[i];
    usable[i]->status = reasons[i].empty() ? "loads" : "broken";
  }
}

Findings examine(const registry::Catalogue& catalogue, const DoctorOptions& options) {
  Findings findings;
  findings.roots = registry::torch_roots();
  try {
    const auto taken = registry::find_torch();
    for (const auto& root : findings.roots) {
      if (root.path == taken.path && root.origin == taken.origin) findings.torch = &root;
    }
  } catch (const Error&) {
    // none is taken; every root says why
  }
  findings.directories = catalogue.directories();
  for (const Entry& entry : catalogue.entries()) {
    PluginFinding finding{&entry, "usable", entry.reason};
    if (entry.status == Status::shadowed) finding.status = "shadowed";
    if (entry.status == Status::broken) finding.status = "broken";
    findings.plugins.push_back(std::move(finding));
  }
  if (options.probe) probe_usable(findings.plugins);
  for (const PluginFinding& finding : findings.plugins) {
    findings.broken += finding.status == "broken";
    findings.usable += finding.status == "usable" || finding.status == "loads";
  }
  return findings;
}

void print_findings(const Findings& findings) {
  std::cout << styled("program", Style::bold) << '\n';
  Table program({}, 2);
  program.add({"version", std::string(version()) + ", commit " + commit()});
  program.add({"libraries", registry::library_folder().string()});
  program.add({"processor", processor_description()});
  program.add({"threads", std::to_string(usable_processors())});
  program.print();

  std::cout << '\n' << styled("LibTorch", Style::bold) << '\n';
  Table roots({}, 2);
  for (const auto& root : findings.roots) {
    std::string state = root.problem.empty() ? "usable" : root.problem;
    if (&root == findings.torch) state = "taken";
    if (root.problem.empty() && findings.torch == nullptr)
      state = "usable, but NOPOS_TORCH_ROOT takes precedence";
    const std::string version = root.version.empty() ? "" : root.version + ", ";
    roots.add({root.origin, (root.path.empty() ? "" : root.path.string() + ": ") + version + state});
  }
  roots.print();

  std::cout << '\n' << styled("plugin folders", Style::bold) << '\n';
  Table directories({}, 2);
  for (const auto& directory : findings.directories) {
    directories.add({std::string(to_string(directory.tier)),
                     directory.path.string() + (std::filesystem::exists(directory.path) ? "" : " (absent)")});
  }
  directories.print();

  std::cout << '\n' << styled("plugins", Style::bold) << '\n';
  Table plugins({}, 2);
  for (const PluginFinding& finding : findings.plugins) {
    const auto& manifest = finding.entry->manifest;
    plugins.add({manifest.id.empty() ? "?" : manifest.id, manifest.version, finding.status,
                 finding.reason.empty() ? manifest.summary : manifest.file.string() + ": " + finding.reason});
  }
  plugins.print();
  std::cout << '\n'
            << (findings.torch == nullptr ? "No usable LibTorch: training is not possible. Set "
                                            "NOPOS_TORCH_ROOT to a folder with lib/libtorch_cpu.so."
                : findings.usable == 0    ? "No usable plugin: training is not possible."
                : findings.broken > 0     ? "Some plugins are broken; the others work."
                                          : "No problems found.")
            << '\n';
}

void print_findings_json(const Findings& findings) {
  Json roots = Json::array(), directories = Json::array(), plugins = Json::array();
  for (const auto& root : findings.roots) {
    roots.push_back({{"path", root.path.string()},
                     {"origin", root.origin},
                     {"version", root.version},
                     {"problem", root.problem},
                     {"taken", &root == findings.torch}});
  }
  for (const auto& directory : findings.directories) {
    directories.push_back({{"path", directory.path.string()},
                           {"tier", to_string(directory.tier)},
                           {"exists", std::filesystem::exists(directory.path)}});
  }
  for (const PluginFinding& finding : findings.plugins) {
    plugins.push_back({{"plugin", finding.entry->manifest.id},
                       {"version", finding.entry->manifest.version},
                       {"manifest", finding.entry->manifest.file.string()},
                       {"status", finding.status},
                       {"reason", finding.reason}});
  }
  print_json({{"version", version()},
              {"commit", commit()},
              {"libraries", registry::library_folder().string()},
              {"processor", processor_description()},
              {"threads", usable_processors()},
              {"libtorch", std::move(roots)},
              {"plugin_folders", std::move(directories)},
              {"plugins", std::move(plugins)}});
}

int diagnose(const DoctorOptions& options) {
  const auto catalogue = scan_plugins(options.plugin_path.value_or(""));
  const Findings findings = examine(catalogue, options);
  options.json ? print_findings_json(findings) : print_findings(findings);
  if (findings.torch == nullptr) return static_cast<int>(ExitCode::runtime);
  if (findings.usable == 0) return static_cast<int>(ExitCode::plugin_missing);
  return static_cast<int>(findings.broken > 0 ? ExitCode::plugin_incompatible : ExitCode::ok);
}

}  // namespace

int run_doctor(const Words& words) { return simple_command<DoctorOptions>("doctor", words, diagnose); }

}  // namespace nopos::host
