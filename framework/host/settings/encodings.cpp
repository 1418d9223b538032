#include "encodings.h"

#include <algorithm>

#include "engine_options.h"
#include "fairseq_settings.h"
#include "host_options.h"
#include "nopos/error.h"
#include "nopos/strings.h"

namespace nopos::host {
namespace {

constexpr const char* kind = "positional_encoding";
constexpr const char* flag = "--positional-encoding";

[[noreturn]] void refuse(const std::string& message) { throw Error(ExitCode::configuration, message); }

std::string full_name(const registry::Resolved& found) {
  return found.entry->manifest.id + ":" + found.component->name;
}

// The components that the names stand for, sorted: 'nopos' is 'none', and the order does not matter.
std::vector<std::string> components(const std::vector<std::string>& names,
                                    const registry::Catalogue& catalogue) {
  std::vector<std::string> result;
  for (const std::string& name : names) result.push_back(full_name(catalogue.resolve(kind, name)));
  std::sort(result.begin(), result.end());
  return result;
}

// Empty where none of the three is given.
std::vector<std::string> from_flags(const HostOptions& host) {
  const bool none = host.no_token_positional_embeddings, learned = host.decoder_learned_pos;
  if (none && learned) {
    refuse(
        "--no-token-positional-embeddings and --decoder-learned-pos contradict each other: remove "
        "one of them");
  }
  if (!none && !learned && !host.alibi) return {};
  return reference_encodings(none, learned, host.alibi);
}

WrittenPlan one_stack(const std::vector<std::string>& names) {
  WrittenPlan written{{{{1, names, 0}}}, {}};
  for (const std::string& name : names) written.encodings.push_back({"", name});
  return written;
}

/// What a file or a checkpoint says.
WrittenPlan plan_of(const ConfigFile& file) {
  WrittenPlan written{file.encoding_plan, {}};
  for (const ConfiguredComponent& one : file.encodings) written.encodings.push_back({one.label, one.name});
  if (!written.plan.groups.empty()) return written;
  EncodingPlan::Group& all = written.plan.groups.emplace_back();
  for (const WrittenEncoding& one : written.encodings) all.use.push_back(one.used_as());
  return written;
}

/// A label is what options of an instance stand under: it must not mean anything else there.
void check_label(const WrittenEncoding& one, const registry::Catalogue& catalogue, const std::string& where) {
  std::vector<std::string> taken{"layers", HostOptions::group};
  for (const Kind& row : kinds) taken.push_back(dashed(row.name));
  for (const OptionGroup& group : engine_option_groups()) taken.push_back(dashed(group.name));
  if (std::find(taken.begin(), taken.end(), one.label) != taken.end()) {
    refuse(where + ": '" + one.label + "' cannot be a label: options of a run stand under --" + one.label +
           ". Give another one to " + one.name);
  }
  for (const registry::Entry& entry : catalogue.entries()) {
    for (const registry::ComponentManifest& component : entry.manifest.components) {
      const auto& aliases = component.aliases;
      const bool same = component.name == one.label || component.find_preset(one.label) != nullptr ||
                        std::find(aliases.begin(), aliases.end(), one.label) != aliases.end();
      if (component.kind != kind || entry.status == registry::Status::shadowed || !same) continue;
      refuse(where + ": '" + one.label + "' cannot be a label: it is the name of an encoding (" +
             entry.manifest.id + "). Give another label to " + one.name);
    }
  }
}

/// Names looked up: every use of a component has its label or its own name.
class Lookup {
 public:
  Lookup(const registry::Catalogue& catalogue, std::string where, bool checks_labels)
      : catalogue_(catalogue), where_(std::move(where)), checks_labels_(checks_labels) {}

  EncodingChoice operator()(WrittenPlan written) {
    for (const WrittenEncoding& one : written.encodings) add(one);
    for (EncodingPlan::Group& group : written.plan.groups) {
      for (std::string& use : group.use) use = own_names_.at(use);
    }
    refuse_repeated_encodings(written.plan, where_);
    EncodingPlan plan = shortened(std::move(written.plan));
    if (!is_one_stack(plan)) {
      if (!same_name_.empty()) refuse(where_ + ": " + same_name_);
      for (EncodingPlan::Group& group : plan.groups) std::erase(group.use, no_encoding);
      std::erase_if(found_, [](const Found& one) { return one.use == no_encoding; });
      plan = shortened(std::move(plan));
    }
    EncodingChoice choice;
    if (is_one_stack(plan) && plan.groups.front().use.empty())
      found_.push_back({no_encoding, {}, {"", no_encoding}});
    for (Found& one : found_) choice.encodings.push_back(std::move(one.written));
    if (!is_one_stack(plan)) choice.plan = std::move(plan);
    return choice;
  }

 private:
  struct Found {
    std::string use, component;  // as the plan names it; "id:name"
    WrittenEncoding written;
  };

  static bool is_one_stack(const EncodingPlan& plan) {
    return plan.groups.size() == 1 && plan.groups.front().window == 0;
  }

  void add(const WrittenEncoding& one) {
    const auto resolved = catalogue_.resolve(kind, one.name);
    if (!one.label.empty() && checks_labels_) check_label(one, catalogue_, where_);
    Found found{one.label.empty() ? resolved.component->name : one.label, full_name(resolved), one};
    const auto known = std::find_if(found_.begin(), found_.end(), [&](const Found& other) {
      return other.component == found.component && other.written.label == one.label;
    });
    for (const Found& other : found_) {
      if (other.use != found.use || other.component == found.component) continue;
      same_name_ = other.component + " and " + found.component +
                   " have the same name; give one a label: " + found.use + "2=" + one.name;
      found.use = found.component;
    }
    own_names_[one.used_as()] = found.use;
    if (known == found_.end()) found_.push_back(std::move(found));
  }

  const registry::Catalogue& catalogue_;
  std::string where_;
  bool checks_labels_;
  std::vector<Found> found_;
  std::map<std::string, std::string> own_names_;  // from what is written
  std::string same_name_;  // of two plugins: a stack may have both, a plan could not tell them apart
};

}  // namespace

EncodingChoice choose_encodings(const ResolvedOptions& host, const ConfigFile& file,
                                const registry::Catalogue& catalogue, std::vector<std::string>& notices) {
  const auto options = read_options<HostOptions>(host.values, HostOptions::group);
  const std::vector<std::string> flags = from_flags(options);
  const auto looked_up = [&](WrittenPlan written, const std::string& where, std::string source,
                             bool checks_labels = true) {
    EncodingChoice choice = Lookup(catalogue, where, checks_labels)(std::move(written));
    choice.source = std::move(source);
    return choice;
  };
  if (options.positional_encoding) {
    EncodingChoice choice = looked_up(parse_encoding_plan(*options.positional_encoding, flag), flag,
                                      host.sources.at("positional-encoding"));
    if (flags.empty()) return choice;
    std::vector<std::string> names;
    bool plain = choice.plan.groups.empty();
    for (const WrittenEncoding& one : choice.encodings) {
      names.push_back(one.name);
      plain = plain && one.label.empty();
    }
    if (plain && components(names, catalogue) == components(flags, catalogue)) return choice;
    refuse(std::string(flag) + " is '" + *options.positional_encoding +
           "', but fairseq's flags given with it mean '" + join(flags, "+") + "': remove one of the two");
  }
  if (!flags.empty()) {
    if (join(flags, "+") == "sinusoidal+alibi") {
      notices.emplace_back(
          "warning: --alibi alone trains sinusoidal positions and ALiBi together, as fairseq does; for ALiBi "
          "only, add --no-token-positional-embeddings, or write --positional-encoding alibi");
    }
    return looked_up(one_stack(flags), flag, "command line");
  }
  if (file.encodings.empty() && file.encoding_plan.groups.empty()) {
    return {{{"", std::string(find_kind(kind)->otherwise)}}, {}, "default: no other flag given"};
  }
  const std::string source =
      file.encodings.empty() ? file.source() : file.source(file.encodings.front().origins, "name");
  return looked_up(plan_of(file), source + ": " + kind, source, file.label == "file");
}

}  // namespace nopos::host
