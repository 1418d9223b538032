#include "run_config.h"

#include <algorithm>
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

std::vector<WrittenEncoding> RunConfig::encodings() const {
  std::vector<WrittenEncoding> list;
  for (const ChosenComponent& chosen : components_of("positional_encoding")) {
    list.push_back({chosen.label, chosen.name});
  }
  return list;
}

bool RunConfig::has_one_stack() const {
  return encoding_plan.groups.empty() &&
         std::ranges::all_of(encodings(), [](const WrittenEncoding& one) { return one.label.empty(); });
}

std::string RunConfig::encoding_text() const { return to_text(encoding_plan, encodings()); }

std::string RunConfig::encoding_layers(std::int64_t layer_count) const {
  if (encoding_plan.groups.empty()) return {};
  return described(layers_of(encoding_plan, layer_count), encodings());
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
