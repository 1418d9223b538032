#include <algorithm>

#include "nopos/error.h"
#include "nopos/registry/catalogue.h"
#include "nopos/strings.h"

namespace nopos::registry {
namespace {

struct Wanted {
  std::string_view kind, id, name;  ///< id is empty where the name is not qualified
};

// "acme.rotary:positional_encoding/rotary"; anything else is a plain name.
Wanted parse(std::string_view kind, std::string_view name) {
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos) return {kind, {}, name};
  const std::string_view id = name.substr(0, colon), rest = name.substr(colon + 1);
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos || rest.substr(0, slash) != kind) {
    throw Error(ExitCode::configuration, "'" + std::string(name) + "' does not name a " + std::string(kind) +
                                             "; the full name is " + std::string(id) + ":" +
                                             std::string(kind) + "/NAME.");
  }
  return {kind, id, rest.substr(slash + 1)};
}

std::vector<Resolved> matches(const Entry& entry, const Wanted& wanted) {
  std::vector<Resolved> found;
  if (!wanted.id.empty() && wanted.id != entry.manifest.id) return found;
  for (const ComponentManifest& component : entry.manifest.components) {
    if (component.kind != wanted.kind) continue;
    const auto& aliases = component.aliases;
    if (component.name == wanted.name ||
        std::find(aliases.begin(), aliases.end(), wanted.name) != aliases.end()) {
      found.push_back({&entry, &component, nullptr});
    } else if (const Preset* preset = component.find_preset(wanted.name)) {
      found.push_back({&entry, &component, preset});
    }
  }
  return found;
}

// A manifest that could not be read tells no names; its file's name must do.
bool looks_like(const Entry& entry, const Wanted& wanted) {
  return entry.manifest.components.empty() &&
         entry.manifest.file.filename() == std::string(wanted.name) + ".nopos.json";
}

[[noreturn]] void refuse_ambiguous(const Wanted& wanted, const std::vector<Resolved>& usable) {
  std::vector<std::string> spellings;
  for (const Resolved& one : usable) {
    spellings.push_back(one.entry->manifest.id + ":" + std::string(wanted.kind) + "/" +
                        std::string(wanted.name));
  }
  throw Error(ExitCode::configuration, "the " + std::string(wanted.kind) + " '" + std::string(wanted.name) +
                                           "' is offered by several plugins; write one of " +
                                           join(spellings, " or ") + ".");
}

}  // namespace

Resolved Catalogue::resolve(std::string_view kind, std::string_view name) const {
  const Wanted wanted = parse(kind, name);
  std::vector<Resolved> usable;
  std::vector<std::string> broken;
  for (const Entry& entry : entries_) {
    if (entry.status == Status::shadowed) continue;
    const std::vector<Resolved> found = matches(entry, wanted);
    if (entry.status == Status::usable) {
      usable.insert(usable.end(), found.begin(), found.end());
    } else if (!found.empty() || looks_like(entry, wanted)) {
      broken.push_back(entry.reason);
    }
  }
  if (usable.size() > 1) refuse_ambiguous(wanted, usable);
  if (!usable.empty()) return usable.front();
  const std::string what = std::string(kind) + " '" + std::string(name) + "'";
  if (!broken.empty()) {
    throw Error(ExitCode::plugin_incompatible, "the " + what + " cannot be used: " + join(broken, "\n"));
  }
  const std::vector<std::string> known = names(kind);
  std::string message = "there is no " + what + did_you_mean(wanted.name, known);
  message += known.empty() ? "\nno plugin of that kind was found" : "\nknown: " + join(known, ", ");
  message += "\nsearched:";
  for (const SearchDirectory& directory : directories_) {
    message += "\n  " + directory.path.string() + " (" + std::string(to_string(directory.tier)) + ")";
  }
  throw Error(ExitCode::plugin_missing, message);
}

}  // namespace nopos::registry
