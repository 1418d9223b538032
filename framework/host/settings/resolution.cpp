#include "resolution.h"

#include <algorithm>

#include "nopos/error.h"
#include "nopos/strings.h"

namespace nopos::host {
namespace {

constexpr const char* command_line = "command line";

/// The source of a value that `owner` has from a file or a checkpoint.
std::string file_source(const Owner& owner, const std::string& name) {
  const auto found = owner.origins.find(name);
  return found == owner.origins.end() ? "file " + owner.file : found->second;
}

/// Whether whoever started this run said so: on the command line or in a file, not in the run before.
bool is_given(const std::string& source) { return source == command_line || source.starts_with("file "); }

const OptionInfo* find_option(const Owner& owner, std::string_view name) {
  const auto found = std::find_if(owner.options.begin(), owner.options.end(),
                                  [&](const OptionInfo& option) { return option.name == name; });
  return found == owner.options.end() ? nullptr : &*found;
}

void set(Owner& owner, const OptionInfo& option, Value value, const std::string& source) {
  owner.resolved.values[option.name] = std::move(value);
  owner.resolved.sources[option.name] = source;
}

bool is_reference(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr && text->size() > 1 && text->front() == '@';
}

void set_preset_values(Owner& owner, const std::vector<std::pair<std::string, Value>>& values,
                       const std::string& source) {
  for (const auto& [name, value] : values) {
    const OptionInfo* option = find_option(owner, name);
    if (option == nullptr) {
      throw Error(ExitCode::plugin_incompatible,
                  owner.label + ": " + source + " sets '" + name +
                      "', which is not one of its options; fix its plugin.json");
    }
    // A reference is checked when it is known what it stands for.
    set(owner, *option,
        is_reference(value) ? value : checked_value(*option, value, owner.label + ", " + source), source);
  }
}

// "@decoder-embed-dim" in a preset: whatever the other option ends up with.
void follow_references(Owner& owner) {
  for (auto& [name, value] : owner.resolved.values) {
    const std::string& source = owner.resolved.sources.at(name);
    const bool of_preset = source.starts_with("preset ") || source.starts_with("forced ");
    Value target = value;
    for (std::size_t steps = 0; of_preset && is_reference(target); ++steps) {
      const std::string other = std::get<std::string>(target).substr(1);
      const auto found = owner.resolved.values.find(other);
      if (found == owner.resolved.values.end() || steps > owner.resolved.values.size()) {
        throw Error(ExitCode::plugin_incompatible, owner.label + ": " + source + " sets '" + name +
                                                       "' to '@" + other +
                                                       "', which does not resolve to a value");
      }
      target = found->second;
    }
    value = checked_value(*find_option(owner, name), target, owner.label);
  }
}

void set_from_file(Owner& owner) {
  for (const auto& [name, value] : owner.file_values) {
    const auto option =
        std::find_if(owner.options.begin(), owner.options.end(), [&name = name](const OptionInfo& one) {
          return one.name == name ||
                 std::find(one.aliases.begin(), one.aliases.end(), name) != one.aliases.end();
        });
    if (option == owner.options.end()) {
      std::vector<std::string> known;
      for (const OptionInfo& one : owner.options) known.push_back(one.name);
      throw Error(ExitCode::configuration, owner.file + ": " + owner.label + ": unknown key '" + name + "'" +
                                               did_you_mean(name, known));
    }
    set(owner, *option, checked_value(*option, value, owner.file + ": " + owner.label),
        file_source(owner, name));
  }
}

struct Target {
  Owner* owner;
  const OptionInfo* option;
};

std::vector<Target> targets(std::vector<Owner>& owners, const Argument& argument) {
  std::vector<Target> found;
  for (Owner& owner : owners) {
    for (const OptionInfo& option : owner.options) {
      const bool qualified =
          std::any_of(owner.qualifiers.begin(), owner.qualifiers.end(),
                      [&](const std::string& one) { return names(argument, option, one); });
      if (qualified || names(argument, option)) found.push_back({&owner, &option});
    }
  }
  return found;
}

/// Of a kind that a run has several components of.
bool is_one_of_several(const Owner& owner) {
  const Kind* kind = owner.choice ? find_kind(owner.choice->kind) : nullptr;
  return kind != nullptr && kind->per_run == PerRun::several;
}

bool is_qualified(const Argument& argument) { return argument.flag.find('.') != std::string::npos; }

/// An encoding's `dropout` is not what `--dropout` means where another part of the run has that option.
void leave_out_namesakes(std::vector<Target>& found, const Argument& argument,
                         std::vector<std::string>& notices) {
  const auto namesake = [](const Target& target) { return is_one_of_several(*target.owner); };
  if (is_qualified(argument) || std::all_of(found.begin(), found.end(), namesake)) return;
  for (const Target& target : found) {
    if (!namesake(target)) continue;
    notices.push_back("--" + argument.flag + " does not set the option of that name of " +
                      target.owner->label + ": write --" + target.owner->qualifiers.front() + "." +
                      argument.flag);
  }
  std::erase_if(found, namesake);
}

void set_from_argument(std::vector<Owner>& owners, const Argument& argument,
                       std::vector<std::string>& notices) {
  std::vector<Target> found = targets(owners, argument);
  leave_out_namesakes(found, argument, notices);
  for (const Target& target : found) {
    if (target.option->type != found.front().option->type) {
      throw Error(ExitCode::usage, "flag '--" + argument.flag + "' has different meanings in " +
                                       found.front().owner->label + " and " + target.owner->label +
                                       "; write --" + found.front().owner->qualifiers.front() + "." +
                                       argument.flag + " or --" + target.owner->qualifiers.front() + "." +
                                       argument.flag);
    }
  }
  for (const Target& target : found) {
    const ResolvedOptions& resolved = target.owner->resolved;
    const std::string& name = target.option->name;
    const bool again = resolved.sources.at(name) == command_line;
    set(*target.owner, *target.option,
        with_further(*target.option, again ? &resolved.values.at(name) : nullptr,
                     parse_value(*target.option, argument.text, target.owner->label)),
        command_line);
  }
}

// Options without effect that the user, not a preset, has set to something.
std::vector<const OptionInfo*> idle_options(const std::vector<Owner>& owners) {
  std::vector<const OptionInfo*> idle;
  for (const Owner& owner : owners) {
    for (const OptionInfo& option : owner.options) {
      const std::string& source = owner.resolved.sources.at(option.name);
      if (option.effect == Effect::no_effect && is_given(source) &&
          owner.resolved.values.at(option.name) != option.default_value)
        idle.push_back(&option);
    }
  }
  return idle;
}

}  // namespace

std::vector<std::string> effect_notices(const std::vector<const OptionInfo*>& idle) {
  std::vector<std::pair<std::string, std::vector<std::string>>> by_reason;
  for (const OptionInfo* option : idle) {
    auto entry = std::find_if(by_reason.begin(), by_reason.end(),
                              [&](const auto& one) { return one.first == option->effect_reason; });
    if (entry == by_reason.end()) entry = by_reason.insert(entry, {option->effect_reason, {}});
    entry->second.push_back("--" + option->name);
  }
  std::vector<std::string> notices;
  for (const auto& [reason, flags] : by_reason)
    notices.push_back("no effect of " + join(flags) + ": " + reason);
  return notices;
}

std::string heading(const Owner& owner) {
  return owner.label + (owner.plugin.empty() ? "" : " (" + owner.plugin + ")");
}

void resolve(std::vector<Owner>& owners, const std::vector<Argument>& arguments,
             std::vector<std::string>& notices) {
  for (Owner& owner : owners) {
    owner.resolved = {};
    for (const OptionInfo& option : owner.options) set(owner, option, option.default_value, "default");
    if (owner.preset != nullptr)
      set_preset_values(owner, owner.preset->values, "preset " + owner.preset->name);
    set_from_file(owner);
  }
  // A qualified flag is the more precise one, wherever it stands.
  for (const bool qualified : {false, true}) {
    for (const Argument& argument : arguments) {
      if (is_qualified(argument) == qualified) set_from_argument(owners, argument, notices);
    }
  }
  for (Owner& owner : owners) {
    const ResolvedOptions wished = owner.resolved;
    if (owner.preset != nullptr)
      set_preset_values(owner, owner.preset->forced, "forced by preset " + owner.preset->name);
    follow_references(owner);
    for (const auto& [name, source] : wished.sources) {
      if (is_given(source) && wished.values.at(name) != owner.resolved.values.at(name)) {
        notices.push_back("--" + name + " stays " + to_text(owner.resolved.values.at(name)) + ": " +
                          owner.resolved.sources.at(name) + ", whatever the " + source + " says");
      }
    }
  }
  const auto idle = effect_notices(idle_options(owners));
  notices.insert(notices.end(), idle.begin(), idle.end());
}

std::vector<Flag> flags_of(const std::vector<Owner>& owners) {
  std::vector<Flag> flags;
  for (const Owner& owner : owners) {
    append_flags(flags, owner.options);
    for (const std::string& qualifier : owner.qualifiers) append_flags(flags, owner.options, qualifier);
  }
  return flags;
}

}  // namespace nopos::host
