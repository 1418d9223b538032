#pragma once
/// The engine's own options by group, in fairseq's order of sections.

#include <string>
#include <vector>

#include "nopos/options.h"

namespace nopos {

struct OptionGroup {
  std::string name;
  std::vector<OptionInfo> options;
};

const std::vector<OptionGroup>& engine_option_groups();

}  // namespace nopos
