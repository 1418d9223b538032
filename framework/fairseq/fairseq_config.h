#pragma once
/// The `cfg` of a checkpoint: exactly the sections and keys that fairseq writes and expects, filled
/// from this run.

#include <string>
#include <vector>

#include "pickle.h"
#include "run_config.h"

namespace nopos {

/// One section as data. `keys`: "key=default; key=default; ..." in fairseq's order, defaults as Python
/// writes them ("float?": None, and otherwise a float); "None": the section is None; "@kind": it is that of
/// the run's component of a kind, found by "kind/name".
struct ReferenceSection {
  std::string name;
  const char* keys;
};
const std::vector<ReferenceSection>& reference_sections();
const std::vector<ReferenceSection>& reference_components();

/// The whole `cfg`. A component that fairseq does not know is written with its own options, and a
/// model that fairseq cannot express under a `_name` that it refuses.
Pickle::Node reference_config(Pickle& pickle, const RunConfig& config);

/// The class that fairseq names in `optimizer_history` for a criterion or optimizer.
std::string reference_class(const ChosenComponent& component);

/// That of this run's optimizer or, in another precision than float32, of what wraps it there.
std::string reference_optimizer(const RunConfig& config);

/// "nopos.transformer_lm" and the encodings, where fairseq has no such model; otherwise empty.
std::string model_unknown_to_reference(const RunConfig& config);

}  // namespace nopos
