#pragma once
/// Where the values of options come from: default < preset < file < command line < what the preset forces.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arguments.h"
#include "nopos/registry/catalogue.h"
#include "nopos/registry/manifest.h"
#include "run_config.h"

namespace nopos::host {

/// A component chosen for the run, and where the choice comes from.
struct Choice {
  std::string kind, given_name, source;
  registry::Resolved resolved;
  std::string label = {};  ///< of an encoding that has one

  /// "alibi", or "local=alibi"
  std::string named() const { return (label.empty() ? "" : label + "=") + resolved.component->name; }
};

/// Whoever declares options: the host, a group of the engine, or a chosen component.
struct Owner {
  std::string label;                    ///< in messages and headings: "dataset", "lr_scheduler/cosine"
  std::string plugin;                   ///< "nopos.cosine 0.1.0"; empty where it is no plugin's
  std::vector<std::string> qualifiers;  ///< `--lr-scheduler.warmup-updates`
  std::vector<OptionInfo> options;
  const registry::Preset* preset = nullptr;
  Settings file_values;
  std::string file;  ///< where `file_values` stand
  ResolvedOptions resolved;
  std::map<std::string, std::string, std::less<>> origins = {};  ///< the source of each of `file_values`
  std::optional<Choice> choice = {};                             ///< of a component
};

/// "lr_scheduler/cosine (nopos.cosine 0.1.0)"
std::string heading(const Owner& owner);

/// Fills `resolved` of every owner. An unqualified flag goes to every owner that declares it, if they agree
/// on its type; to an encoding only where nobody else does. Appends sentences for the user to `notices`: flags without effect, flags that a preset
/// overrules. \throws Error (usage, configuration)
void resolve(std::vector<Owner>& owners, const std::vector<Argument>& arguments,
             std::vector<std::string>& notices);

/// What to say of options that were set and have no effect: one sentence per reason, however many flags share
/// it.
std::vector<std::string> effect_notices(const std::vector<const OptionInfo*>& idle);

/// All flags of the owners, qualified ones included.
std::vector<Flag> flags_of(const std::vector<Owner>& owners);

}  // namespace nopos::host
