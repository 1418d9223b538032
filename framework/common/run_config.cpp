#include "run_config.h"

namespace nopos {

const ChosenComponent& RunConfig::component(std::string_view kind) const {
  return components_of(kind).front();
}

ChosenComponent& RunConfig::component(std::string_view kind) { return components.find(kind)->second.front(); }

const std::vector<ChosenComponent>& RunConfig::components_of(std::string_view kind) const {
  static const std::vector<ChosenComponent> none;
  const auto found = components.find(kind);
  return found == components.end() ? none : found->second;
}

std::vector<const ChosenComponent*> RunConfig::single_components() const {
  std::vector<const ChosenComponent*> found;
  for (const Kind& kind : kinds) {
    if (kind.per_run != PerRun::one) continue;
    for (const ChosenComponent& chosen : components_of(kind.name)) found.push_back(&chosen);
  }
  return found;
}

}  // namespace nopos
