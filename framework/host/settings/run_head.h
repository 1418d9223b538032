#pragma once
/// The first lines of a run's log: everything that one must know to read the rest, or to repeat it.

#include <string>
#include <vector>

#include "run_setup.h"

namespace nopos::host {

/// Threads of the run: `--threads`, else what this process may use.
int run_threads(const ResolvedOptions& host);

std::vector<std::string> run_head(const RunSetup& setup, int threads);

}  // namespace nopos::host
