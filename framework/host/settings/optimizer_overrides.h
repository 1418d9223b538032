#pragma once
/// `--optimizer-overrides`: what a loaded optimizer is told to change.

#include "run_config.h"
#include "run_setup.h"

namespace nopos::host {

/// The options of the run's optimizer that the flag names, by the names that fairseq keeps in
/// checkpoints ("betas" of Adam is its option adam-betas). The rate follows from the schedule, so that "lr"
/// is left out, as in fairseq. \throws Error (usage, configuration)
Settings optimizer_overrides(const RunSetup& setup, const RunConfig& config);

}  // namespace nopos::host
