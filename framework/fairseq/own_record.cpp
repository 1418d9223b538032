#include "own_record.h"

#include <algorithm>

#include "checkpoint_keys.h"
#include "nopos/error.h"
#include "values.h"

namespace nopos {
namespace {

constexpr const char *in_own = "'nopos'", *in_component = "a component";

RecordedOptions options_of(const PickleNode& node) {
  RecordedOptions options;
  for (std::size_t i = 0; node.is_mapping() && i < node.items.size(); i += 2) {
    const std::string& name = node.items[i]->as_text("an option's name");
    const auto& pair = node.items[i + 1]->as_sequence(name);
    if (pair.empty()) continue;
    options.emplace_back(
        name, RecordedOption{plain_value(*pair[0], name),
                             pair.size() > 1 ? pair[1]->as_text("the source of " + name) : std::string()});
  }
  return options;
}

RecordedComponent component_of(const PickleNode& node) {
  const auto text = [&](const char* key) {
    return node.at(key, in_component).as_text(std::string(key) + " of a component");
  };
  const PickleNode *version = node.get(keys::version), *label = node.get(keys::label);
  return {text(keys::kind),
          text(keys::name),
          text(keys::plugin),
          version == nullptr ? std::string() : text(keys::version),
          options_of(node.at(keys::options, in_component)),
          label == nullptr ? std::string() : text(keys::label)};
}

}  // namespace

const Value* find(const RecordedOptions& options, std::string_view name) {
  const auto found = std::ranges::find(options, name, &RecordedOptions::value_type::first);
  return found == options.end() ? nullptr : &found->second.value;
}

Settings values_of(const RecordedOptions& options) {
  Settings values;
  for (const auto& [name, option] : options) values[name] = option.value;
  return values;
}

std::vector<RecordedComponent> recorded_components(const CheckpointFile& file) {
  return recorded_components(file, keys::components);
}

std::vector<RecordedComponent> recorded_components(const CheckpointFile& file, std::string_view kind) {
  std::vector<RecordedComponent> components;
  if (file.own() == nullptr) return components;
  for (const PickleNode* node : file.own()->at(kind, in_own).as_sequence(kind))
    components.push_back(component_of(*node));
  return components;
}

RecordedOptions recorded_group(const CheckpointFile& file, std::string_view group) {
  if (file.own() == nullptr) return {};
  const PickleNode* options = file.own()->at(keys::options, in_own).get(group);
  return options == nullptr ? RecordedOptions() : options_of(*options);
}

std::optional<TokenizerRecord> recorded_tokenizer_of(const CheckpointFile& file) {
  const PickleNode* entry = file.own() == nullptr ? nullptr : file.own()->get(keys::tokenizer);
  if (entry == nullptr) return std::nullopt;
  return parse_tokenizer_record(entry->as_text("tokenizer in " + file.name()),
                                "the tokenizer's record in " + file.name());
}

DictionaryMark recorded_dictionary(const CheckpointFile& file) {
  if (file.own() == nullptr) return {};
  const PickleNode& entry = file.own()->at(keys::dictionary, file.name());
  return {entry.at(keys::size, "'dictionary'").as_integer("size of the dictionary"),
          entry.at(keys::digest, "'dictionary'").as_text("digest of the dictionary"),
          {}};
}

}  // namespace nopos
