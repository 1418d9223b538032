#include "nopos/plugin.h"

#include "nopos/json.h"

namespace nopos {
namespace {

// Only what differs from an ordinary option is written, so that manifests stay readable.
Json described(const OptionInfo& option) {
  Json json{{"name", option.name},
            {"type", to_string(option.type)},
            {"default", to_json(option.default_value)},
            {"help", option.help}};
  if (option.optional) json["optional"] = true;
  if (option.min) json["min"] = *option.min;
  if (option.max) json["max"] = *option.max;
  if (option.above) json["above"] = *option.above;
  if (!option.choices.empty()) json["choices"] = option.choices;
  if (!option.aliases.empty()) json["aliases"] = option.aliases;
  if (option.positional) json["positional"] = true;
  if (option.joint != '\0') json["repeatable"] = std::string(1, option.joint);
  if (!option.implied.empty()) json["implied"] = option.implied;
  if (option.effect == Effect::no_effect) json["no_effect"] = option.effect_reason;
  if (option.effect == Effect::refused) json["refused"] = option.effect_reason;
  return json;
}

}  // namespace

std::string describe_json(const PluginBuilder& plugin) {
  Json components = Json::array();
  for (const Component& component : plugin.components()) {
    Json options = Json::array();
    for (const OptionInfo& option : component.options) options.push_back(described(option));
    components.push_back({{"kind", component.kind},
                          {"name", component.name},
                          {"summary", component.summary},
                          {"aliases", component.aliases},
                          {"interface_version", to_string(component.interface_version)},
                          {"options", std::move(options)}});
  }
  return Json{{"components", std::move(components)}}.dump(2);
}

}  // namespace nopos
