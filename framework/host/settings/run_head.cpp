#include "run_head.h"

#include "nopos/strings.h"
#include "process/engine_library.h"
#include "processor.h"
#include "version.h"

namespace nopos::host {

int run_threads(const ResolvedOptions& host) {
  const auto* threads = std::get_if<std::int64_t>(&host.values.at("threads"));
  return threads != nullptr ? static_cast<int>(*threads) : usable_processors();
}

std::vector<std::string> run_head(const RunSetup& setup, int threads) {
  std::vector<std::string> plugins;
  for (const Owner& owner : setup.owners) {
    if (!owner.choice) continue;
    const Choice& choice = *owner.choice;
    const registry::PluginManifest& plugin = choice.resolved.entry->manifest;
    plugins.push_back(choice.kind + "/" + choice.named() + " (" + plugin.id + " " + plugin.version + ")");
  }
  std::vector<std::string> lines{
      std::string("NoPos ") + version() + ", commit " + commit() + ", " + torch_description(),
      "plugins: " + join(plugins),
      "positional encoding: " + encoding_text(setup) + " (" + setup.encoding_source + ")",
      "processor: " + processor_description() + "; " + std::to_string(threads) +
          (threads == 1 ? " thread" : " threads"),
  };
  lines.insert(lines.end(), setup.notices.begin(), setup.notices.end());
  return lines;
}

}  // namespace nopos::host
