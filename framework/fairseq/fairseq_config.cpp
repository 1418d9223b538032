#include "fairseq_config.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "checkpoint_keys.h"
#include "fairseq_names.h"
#include "nopos/strings.h"
#include "values.h"

namespace nopos {
namespace {

using Node = Pickle::Node;

// Keys that fairseq resolves from another one while they are None.
constexpr std::pair<std::string_view, std::string_view> resolved_from[] = {
    {"max_tokens_valid", "max-tokens"},
    {"batch_size_valid", "batch-size"},
    {"max_target_positions", "tokens-per-sample"},
    {"update_epoch_batch_itr", "grouped-shuffling"}};

struct Key {
  std::string name, literal;
};

std::vector<Key> keys_of(std::string_view keys) {
  std::vector<Key> list;
  while (!keys.empty()) {
    const std::size_t end = std::min(keys.find("; "), keys.size());
    const std::string_view entry = keys.substr(0, end);
    const std::size_t equals = entry.find('=');
    list.push_back({std::string(entry.substr(0, equals)), std::string(entry.substr(equals + 1))});
    keys.remove_prefix(std::min(end + 2, keys.size()));
  }
  return list;
}

bool is_whole(std::string_view literal) {
  return !literal.empty() && literal.find_first_not_of("-0123456789") == std::string_view::npos;
}

Value default_of(const std::string& literal) {
  if (literal == "None" || literal == "float?") return {};
  if (literal == "True" || literal == "False") return literal == "True";
  if (literal.front() == '\'') return literal.substr(1, literal.size() - 2);
  if (is_whole(literal)) return std::int64_t{std::strtoll(literal.c_str(), nullptr, 10)};
  if (literal == "[1]") return std::vector<std::int64_t>{1};
  if (literal.front() == '[') return std::vector<double>{std::strtod(literal.c_str() + 1, nullptr)};
  return std::strtod(literal.c_str(), nullptr);
}

/// `value` in the type that fairseq has for the key: lists as texts where it keeps texts, whole floats.
Value in_type_of(const std::string& literal, const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    const bool wants_float = literal == "float?" || std::holds_alternative<double>(default_of(literal));
    return wants_float ? Value(static_cast<double>(*whole)) : value;
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return is_whole(literal) && std::trunc(*number) == *number ? Value(static_cast<std::int64_t>(*number))
                                                               : value;
  }
  const bool list = std::holds_alternative<std::vector<std::int64_t>>(value) ||
                    std::holds_alternative<std::vector<double>>(value);
  if (!list || literal.front() == '[') return value;
  const std::string text = to_text(value);
  if (literal.starts_with("'(")) {  // a tuple as text: "(0.9, 0.98)"
    std::string tuple = "(";
    for (const char c : text) {
      tuple += c;
      if (c == ',') tuple += ' ';
    }
    tuple += ')';
    return tuple;
  }
  if (text.empty()) return {};
  return text;
}

const Value* find(const ResolvedOptions& options, const std::string& name) {
  const auto found = options.values.find(name);
  return found == options.values.end() ? nullptr : &found->second;
}

/// The key's value in this run: of its own section, else of any group that has such an option (fairseq
/// copies `lr`, `seed` and others into the sections that use them), else of the task.
std::optional<Value> value_of(const std::string& key, const ResolvedOptions* own, const RunConfig& config) {
  const std::string name = dashed(key);
  if (own != nullptr) {
    if (const Value* value = find(*own, name)) return *value;
  }
  for (const auto& [group, options] : config.groups) {
    if (const Value* value = find(options, name)) return *value;
  }
  if (const Value* value = find(config.component("task").options, name)) return *value;
  return std::nullopt;
}

Node section(Pickle& pickle, const std::optional<std::string>& name, const char* keys,
             const ResolvedOptions* own, const RunConfig& config, const Settings& overrides = {}) {
  Pickle::Pairs pairs = {{"_name", name ? pickle.text(*name) : pickle.none()}};
  for (const auto& [key, literal] : keys_of(keys)) {
    Value value = value_of(key, own, config).value_or(default_of(literal));
    if (const auto forced = overrides.find(key); forced != overrides.end()) value = forced->second;
    for (const auto& [resolved, source] : resolved_from) {
      if (key == resolved && own != &config.component("task").options &&
          std::holds_alternative<NotGiven>(value)) {
        value = value_of(std::string(source), own, config).value_or(Value());
      }
    }
    pairs.emplace_back(key, pickled_value(pickle, in_type_of(literal, value)));
  }
  return pickle.dict(pairs);
}

const ReferenceSection* known_component(const ChosenComponent& component) {
  for (const ReferenceSection& section : reference_components()) {
    if (section.name == component.kind + "/" + component.name) return &section;
  }
  return nullptr;
}

const ReferencePositions* known_positions(const RunConfig& config) {
  if (!config.has_one_stack()) return nullptr;
  const std::vector<ChosenComponent>& encodings = config.components_of("positional_encoding");
  for (const ReferencePositions& positions : reference_positions) {
    const auto same = [](const ChosenComponent& encoding, const std::string& name) {
      return encoding.plugin_id.starts_with("nopos.") && encoding.name == name;
    };
    if (std::equal(encodings.begin(), encodings.end(), positions.encodings.begin(), positions.encodings.end(),
                   same)) {
      return &positions;
    }
  }
  return nullptr;
}

Node unknown_section(Pickle& pickle, const std::string& name, const ChosenComponent& component) {
  Pickle::Pairs pairs = {{"_name", pickle.text(name)}};
  for (const auto& [option, value] : component.options.values) {
    pairs.emplace_back(underscored(option), pickled_value(pickle, value));
  }
  return pickle.dict(pairs);
}

/// The section of one of the run's components.
Node component_section(Pickle& pickle, const ChosenComponent& component, const RunConfig& config) {
  const ReferenceSection* known = known_component(component);
  if (component.kind != "architecture") {
    if (known == nullptr)
      return unknown_section(pickle, component.plugin_id + ":" + component.name, component);
    return section(pickle, component.name, known->keys, &component.options, config);
  }
  const std::string unknown = model_unknown_to_reference(config);
  if (known == nullptr) return unknown_section(pickle, unknown, component);
  Settings flags;
  if (const ReferencePositions* positions = known_positions(config)) {
    flags = {{keys::no_token_positional_embeddings, positions->no_token_positional_embeddings},
             {keys::decoder_learned_pos, positions->decoder_learned_pos},
             {keys::alibi, positions->alibi}};
  }
  const bool registered = std::find(std::begin(reference_architectures), std::end(reference_architectures),
                                    component.given_name) != std::end(reference_architectures);
  const std::string name = !unknown.empty() ? unknown : registered ? component.given_name : component.name;
  return section(pickle, name, known->keys, &component.options, config, flags);
}

}  // namespace

std::string reference_class(const ChosenComponent& component) {
  for (const auto& [name, known] : reference_classes) {
    if (name == component.kind + "/" + component.name && component.plugin_id.starts_with("nopos.")) {
      return std::string(known);
    }
  }
  return component.plugin_id + ":" + component.name;
}

std::string reference_optimizer(const RunConfig& config) {
  const auto common = config.groups.find("common");
  for (const auto& [flag, wrapper] : reference_wrappers) {
    if (common == config.groups.end()) break;
    const Value* value = find(common->second, std::string(flag));
    if (value != nullptr && *value == Value(true)) return std::string(wrapper);
  }
  return reference_class(config.component("optimizer"));
}

std::string model_unknown_to_reference(const RunConfig& config) {
  const ChosenComponent& architecture = config.component("architecture");
  const ReferenceSection* known = known_component(architecture);
  bool expressible = known != nullptr && known_positions(config) != nullptr;
  if (expressible) {  // options of ours that the user or a preset has set change the model in ways unknown
                      // there
    const std::vector<Key> keys = keys_of(known->keys);
    for (const auto& [option, source] : architecture.options.sources) {
      const auto same = [&option = option](const Key& key) { return key.name == underscored(option); };
      expressible = expressible && (source == "default" || std::any_of(keys.begin(), keys.end(), same));
    }
  }
  if (expressible) return {};
  std::string name = architecture.plugin_id + ":" + architecture.name;
  return name + "+" + config.encoding_text();
}

Node reference_config(Pickle& pickle, const RunConfig& config) {
  Pickle::Pairs pairs;
  for (const ReferenceSection& part : reference_sections()) {
    Node node = nullptr;
    if (part.keys == std::string_view("None")) {
      node = pickle.none();
    } else if (part.keys[0] == '@') {
      node = component_section(pickle, config.component(part.keys + 1), config);
    } else {
      const auto group = config.groups.find(part.name);
      const std::optional<std::string> name =
          part.name == "scoring" ? std::optional<std::string>("bleu") : std::nullopt;
      node =
          section(pickle, name, part.keys, group == config.groups.end() ? nullptr : &group->second, config);
    }
    pairs.emplace_back(part.name, node);
  }
  return pickle.dict(pairs);
}

}  // namespace nopos
