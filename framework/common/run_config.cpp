#include "run_config.h"

#include <utility>

namespace nopos {

const ChosenComponent& RunConfig::component(std::string_view kind) const { return components_of(kind).at(0); }

ChosenComponent& RunConfig::component(std::string_view kind) {
  return const_cast<ChosenComponent&>(std::as_const(*this).component(kind));
}

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
