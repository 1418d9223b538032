#include "run_setup.h"

#include <algorithm>

#include "encodings.h"
#include "engine_options.h"
#include "host_options.h"
#include "nopos/error.h"
#include "nopos/strings.h"
#include "run_head.h"
#include "search.h"

namespace nopos::host {
namespace {

Owner host_owner() {
  return {HostOptions::group, "", {HostOptions::group}, describe_options<HostOptions>(), nullptr, {}, "", {}};
}

// The file's names of components are values of the host's options, as the flags are.
void add_file_choices(Owner& host, const ConfigFile& file) {
  host.file = file.path;
  for (const auto& [name, configured] : file.components) {
    const Kind* kind = find_kind(name);
    if (kind == nullptr || kind->per_run != PerRun::one || configured.name.empty()) continue;
    const std::string flag(kind->flag);
    host.file_values[flag] = configured.name;
    host.origins[flag] = file.source(configured.origins, "name");
  }
  if (const auto threads = file.training.find("threads"); threads != file.training.end()) {
    host.file_values["threads"] = threads->second;
    host.origins["threads"] = file.source(file.training_origins, "threads");
  }
}

std::vector<Owner> engine_owners(const ConfigFile& file) {
  std::vector<Owner> owners;
  std::vector<std::string> known{"threads"};
  Settings left = file.training;
  left.erase("threads");
  for (const OptionGroup& group : engine_option_groups()) {
    Owner owner{group.name, "", {dashed(group.name)}, group.options, nullptr, {}, file.path, {}};
    for (const OptionInfo& option : group.options) {
      known.push_back(option.name);
      std::vector<std::string> names = option.aliases;
      names.push_back(option.name);
      for (const std::string& name : names) {
        auto value = left.extract(name);
        if (!value) continue;
        owner.origins[name] = file.source(file.training_origins, name);
        owner.file_values.insert(std::move(value));
      }
    }
    owners.push_back(std::move(owner));
  }
  if (!left.empty()) {
    const std::string& key = left.begin()->first;
    throw Error(ExitCode::configuration,
                file.path + ": training: unknown key '" + key + "'" + did_you_mean(key, known));
  }
  return owners;
}

// Values that a file gives to another component than the one chosen would mean something else there.
void add_file_values(Owner& owner, const Choice& choice, const ConfiguredComponent& configured,
                     const ConfigFile& file, RunSetup& setup) {
  if (configured.values.empty()) return;
  if (!configured.name.empty()) {
    const auto meant = setup.catalogue.resolve(choice.kind, configured.name);
    if (meant.component != choice.resolved.component) {
      setup.notices.push_back("the settings of " + choice.kind + "/" + configured.name + " in " +
                              file.source(configured.origins, "name") + " are ignored: " + choice.given_name +
                              " is chosen instead");
      return;
    }
  }
  owner.file = file.path;
  owner.file_values = configured.values;
  for (const auto& [name, value] : configured.values)
    owner.origins[name] = file.source(configured.origins, name);
}

// `--adam-betas` beside `--optimizer nag`: say whose flag it is.
std::string whose_flag(const std::string& flag, const RunSetup& setup) {
  if (flag.empty()) return "";
  std::vector<std::string> owners;
  for (const registry::Entry& entry : setup.catalogue.entries()) {
    if (entry.status != registry::Status::usable) continue;
    for (const registry::ComponentManifest& component : entry.manifest.components) {
      for (const OptionInfo& option : component.options) {
        if (names({flag, ""}, option)) owners.push_back(component.kind + "/" + component.name);
      }
    }
  }
  return owners.empty() ? "" : ": it belongs to " + join(owners) + ", which this run does not use";
}

// What fairseq takes from another option when it is not given.
void complete_validation_limits(std::vector<Owner>& owners) {
  for (Owner& owner : owners) {
    if (owner.label != "dataset") continue;
    for (const char* name : {"max-tokens", "batch-size"}) {
      Value& value = owner.resolved.values.at(std::string(name) + "-valid");
      if (!std::holds_alternative<NotGiven>(value)) continue;
      value = owner.resolved.values.at(name);
      if (!std::holds_alternative<NotGiven>(value))
        owner.resolved.sources[std::string(name) + "-valid"] = std::string("default: --") + name;
    }
  }
}

}  // namespace

RunWords::RunWords(Words words, std::vector<OptionInfo> own, std::string command)
    : words_(std::move(words)), own_(std::move(own)), command_(std::move(command)) {
  std::vector<Flag> flags{{"help", true}};
  append_flags(flags, own_);
  append_flags(flags, describe_options<HostOptions>());
  for (const OptionGroup& group : engine_option_groups()) append_flags(flags, group.options);
  known_ = parse_known_arguments(words_, flags);
  std::erase_if(known_, [](const Argument& argument) { return argument.flag.empty(); });
}

bool RunWords::gives(std::string_view flag) const {
  return std::any_of(known_.begin(), known_.end(), [&](const Argument& one) { return one.flag == flag; });
}

const Owner& RunSetup::owner(std::string_view label) const {
  return *std::find_if(owners.begin(), owners.end(), [&](const Owner& one) { return one.label == label; });
}

const Owner& RunSetup::component(std::string_view kind) const {
  return *std::find_if(owners.begin(), owners.end(),
                       [&](const Owner& one) { return one.choice && one.choice->kind == kind; });
}

Owner& RunSetup::owner(std::string_view label) {
  return const_cast<Owner&>(std::as_const(*this).owner(label));
}

Owner& RunSetup::component(std::string_view kind) {
  return const_cast<Owner&>(std::as_const(*this).component(kind));
}

ResolvedOptions resolve_host(Owner host, const std::vector<Argument>& known) {
  std::vector<Owner> owners{std::move(host)};
  std::vector<std::string> later;  // notices come with the complete resolution
  resolve(owners, known, later);
  return std::move(owners.front().resolved);
}

std::string plugin_path(const ResolvedOptions& host) {
  const auto* folders = std::get_if<std::string>(&host.values.at("plugin-path"));
  return folders == nullptr ? "" : *folders;
}

std::string kind_named_by(const std::string& flag) {
  for (const Kind& kind : kinds) {
    if (!flag.empty() && flag == kind.flag) return std::string(kind.name);
  }
  return "";
}

void add_choice(RunSetup& setup, const std::string& kind, const std::string& name, const std::string& source,
                const ConfigFile& file, const std::string& label) {
  Choice choice{kind, name, source, setup.catalogue.resolve(kind, name), label};
  const registry::PluginManifest& plugin = choice.resolved.entry->manifest;
  const registry::ComponentManifest& component = *choice.resolved.component;
  Owner owner{kind + "/" + choice.named(),
              plugin.id + " " + plugin.version,
              {dashed(kind)},
              component.options,
              choice.resolved.preset,
              {},
              "",
              {}};
  if (find_kind(kind)->per_run == PerRun::several) {
    if (label.empty()) {
      owner.qualifiers.push_back(dashed(kind) + "." + component.name);
    } else {
      owner.qualifiers = {label};
    }
    for (const ConfiguredComponent& one : file.encodings) {
      const bool same = setup.catalogue.resolve(kind, one.name).component == choice.resolved.component;
      if (one.label == label && (same || !label.empty())) add_file_values(owner, choice, one, file, setup);
    }
  } else if (const auto found = file.components.find(kind); found != file.components.end()) {
    add_file_values(owner, choice, found->second, file, setup);
  }
  owner.choice = std::move(choice);
  setup.owners.push_back(std::move(owner));
}

RunSetup set_up_run(const RunWords& words, bool incomplete, const ConfigFile& otherwise) {
  Owner host = host_owner();
  ResolvedOptions chosen = resolve_host(host, words.known());
  ConfigFile file = otherwise;
  const auto* path = std::get_if<std::string>(&chosen.values.at("config"));
  if (path != nullptr) file = read_config_file(*path);
  if (!file.path.empty()) {
    add_file_choices(host, file);
    chosen = resolve_host(host, words.known());
  }
  RunSetup setup{scan_plugins(plugin_path(chosen)), {}, {}, {}};
  setup.owners = engine_owners(file);
  setup.owners.insert(setup.owners.begin(), host);
  // Help must not fail for a default that is not installed; what the user named must be there even then.
  const auto choose = [&](const std::string& kind, const std::string& name, const std::string& source,
                          const std::string& label = "") {
    try {
      add_choice(setup, kind, name, source, file, label);
    } catch (const Error&) {
      if (!incomplete || !source.starts_with("default")) throw;
      setup.not_chosen.push_back(kind);
    }
  };
  for (const Kind& row : kinds) {
    const std::string kind(row.name), flag(row.flag);
    if (row.per_run == PerRun::none) continue;
    if (row.per_run == PerRun::several) {
      const EncodingChoice choice = choose_encodings(chosen, file, setup.catalogue, setup.notices);
      setup.encoding_plan = choice.plan;
      setup.encoding_source = choice.source;
      for (const auto& [label, name] : choice.encodings) choose(kind, name, choice.source, label);
    } else if (const auto* name = std::get_if<std::string>(&chosen.values.at(flag))) {
      choose(kind, *name, chosen.sources.at(flag));
    } else if (incomplete) {
      setup.not_chosen.push_back(kind);
    } else {
      throw Error(ExitCode::usage,
                  "--" + flag + " is required; choices: " + join(setup.catalogue.names(kind)));
    }
  }

  std::vector<Flag> flags = flags_of(setup.owners);
  flags.push_back({"help", true});
  append_flags(flags, words.own());
  const auto explain = [&](const std::string& flag) { return whose_flag(flag, setup); };
  auto arguments = incomplete ? parse_known_arguments(words.words(), flags)
                              : parse_arguments(words.words(), flags, explain);
  std::erase_if(arguments, [&](const Argument& argument) {
    return argument.flag == "help" || named_option(argument, words.own()) != nullptr;
  });
  const auto is_positional = [](const Argument& argument) { return argument.flag.empty(); };
  if (!incomplete && std::count_if(arguments.begin(), arguments.end(), is_positional) > 1) {
    const auto last = std::find_if(arguments.rbegin(), arguments.rend(), is_positional);
    throw Error(
        ExitCode::usage,
        "unexpected argument '" + last->text +
            "': a data folder is already given, and switches take no separate value (write --flag=false)");
  }
  resolve(setup.owners, arguments, setup.notices);
  complete_validation_limits(setup.owners);
  return setup;
}

std::vector<WrittenEncoding> chosen_encodings(const RunSetup& setup) {
  std::vector<WrittenEncoding> encodings;
  for (const Owner& owner : setup.owners) {
    if (!owner.choice || owner.choice->kind != "positional_encoding") continue;
    encodings.push_back({owner.choice->label, owner.choice->resolved.component->name});
  }
  return encodings;
}

std::string encoding_text(const RunSetup& setup) {
  return to_text(setup.encoding_plan, chosen_encodings(setup));
}

std::vector<LayerPlan> encoding_layers(const RunSetup& setup) {
  const Settings& architecture = setup.component("architecture").resolved.values;
  const auto found = architecture.find("decoder-layers");
  const auto* count = found == architecture.end() ? nullptr : std::get_if<std::int64_t>(&found->second);
  constexpr std::int64_t most = 4096;  // nobody reads a longer list, and a file may say any number
  if (count == nullptr || *count > most) return {};
  return layers_of(setup.encoding_plan, *count);
}

RunConfig run_config(const RunSetup& setup, const Words& words) {
  RunConfig config;
  config.command = words;
  const ResolvedOptions& host = setup.owner(HostOptions::group).resolved;
  config.threads = run_threads(host);
  const auto print_model = host.values.find("print-model");
  config.print_model = print_model != host.values.end() && print_model->second == Value(true);
  for (const Owner& owner : setup.owners) {
    if (!owner.choice) {
      if (owner.label != HostOptions::group) config.groups[owner.label] = owner.resolved;
      continue;
    }
    const Choice& choice = *owner.choice;
    const registry::PluginManifest& plugin = choice.resolved.entry->manifest;
    config.components[choice.kind].push_back({choice.kind, choice.resolved.component->name, choice.given_name,
                                              plugin.id, plugin.version, plugin.library, plugin.build_id,
                                              owner.resolved, choice.label});
  }
  config.encoding_plan = setup.encoding_plan;
  config.head = run_head(setup, config.threads);
  return config;
}

}  // namespace nopos::host
