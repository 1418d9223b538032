#pragma once
/// Which positional encodings a run gets, and which of its layers: from `--positional-encoding`, fairseq's
/// three flags, or a file.

#include <string>
#include <vector>

#include "config_file.h"
#include "encoding_plan.h"
#include "nopos/registry/catalogue.h"
#include "run_config.h"

namespace nopos::host {

struct EncodingChoice {
  std::vector<WrittenEncoding> encodings;  ///< in order of first appearance, names as written
  EncodingPlan plan;   ///< by labels and components' names; without groups: every layer has all of them
  std::string source;  ///< "default: ...", "command line", "file x.json"
};

/// `host` holds the resolved HostOptions. Appends a warning where the flags do what few people expect.
/// \throws Error (configuration) where the flags contradict each other, or the plan itself; (plugin_missing)
EncodingChoice choose_encodings(const ResolvedOptions& host, const ConfigFile& file,
                                const registry::Catalogue& catalogue, std::vector<std::string>& notices);

}  // namespace nopos::host
