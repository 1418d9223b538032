#pragma once
/// From the command line of `train` or `config show` to one resolved run.

#include <string>
#include <vector>

#include "config_file.h"
#include "nopos/registry/catalogue.h"
#include "resolution.h"
#include "run_config.h"

namespace nopos::host {

/// A component chosen for the run, and where the choice comes from.
struct Choice {
  std::string kind, given_name, source;
  registry::Resolved resolved;
};

struct RunSetup {
  registry::Catalogue catalogue;
  std::vector<Owner> owners;            ///< host, the engine's groups, then `choices` in their order
  std::vector<Choice> choices;          ///< task, architecture, encodings, criterion, optimizer, lr_scheduler
  std::vector<std::string> not_chosen;  ///< kinds without a component; empty unless `incomplete`
  std::vector<std::string> notices;
};

/// \param incomplete  for `--help`: components may be missing, and unknown flags are passed over
/// \param otherwise   stands in for `--config` where the words have none
/// \throws Error
RunSetup set_up_run(const Words& words, bool incomplete, const ConfigFile& otherwise = {});

/// The kind that a flag names a component of: "architecture" for "arch"; empty for any other flag.
std::string kind_named_by(const std::string& flag);

/// Adds the component that `name` means, with the values that `file` has for it, at the end of `owners` and
/// `choices`. `source` says where the name comes from. \throws Error
void add_choice(RunSetup& setup, const std::string& kind, const std::string& name, const std::string& source,
                const ConfigFile& file);

/// What the engine gets. `words` goes into the checkpoint.
RunConfig run_config(const RunSetup& setup, const Words& words);

}  // namespace nopos::host
