#include "fairseq_settings.h"

#include <algorithm>
#include <set>

#include "checkpoint_fields.h"
#include "checkpoint_keys.h"
#include "nopos/error.h"
#include "nopos/strings.h"
#include "values.h"

namespace nopos {
namespace {

using Type = PickleNode::Type;

constexpr const char* position_flag_names[] = {keys::no_token_positional_embeddings,
                                               keys::decoder_learned_pos, keys::alibi};

// Settings of fairseq's model that are no options of the architecture here: other options cover them.
const std::set<std::string, std::less<>> covered_elsewhere = {keys::name_of_section,
                                                              keys::arch,
                                                              keys::no_token_positional_embeddings,
                                                              keys::decoder_learned_pos,
                                                              keys::alibi,
                                                              "tpu",
                                                              keys::add_bos_token,
                                                              keys::tokens_per_sample,
                                                              keys::max_target_positions};

void add(NamedValues& list, const std::string& name, const Value& value) {
  if (!std::holds_alternative<NotGiven>(value)) list.emplace_back(name, value);
}

/// A number of positions, which the file's own was checked to be: an override may be anything.
std::optional<std::int64_t> positions(const char* name, const Value& value) {
  if (std::holds_alternative<NotGiven>(value)) return std::nullopt;
  const auto* whole = std::get_if<std::int64_t>(&value);
  if (whole != nullptr && *whole >= 1 && *whole <= max_positions_in_file) return *whole;
  throw Error(ExitCode::configuration, std::string("--model-overrides: '") + name + "' is " + to_text(value) +
                                           ", but must be an integer between 1 and " +
                                           std::to_string(max_positions_in_file) + ".");
}

/// Whether fairseq's loader would leave out the final layer norm: files older than its version 3.
bool before_final_norm(const CheckpointFile& file) {
  const PickleNode* version = file.root().at(keys::model, file.name()).get(keys::decoder_version);
  return version == nullptr || file.first_number(*version, keys::decoder_version) <= 2;
}

std::string text_of(const PickleNode* node) {
  return node != nullptr && node->is(Type::text) ? node->text : std::string();
}

}  // namespace

FairseqSettings::FairseqSettings(const CheckpointFile& file)
    : file_(file),
      cfg_(attributes_of(file.root().get(keys::cfg))),
      args_(attributes_of(file.root().get(keys::args))),
      model_(cfg_ != nullptr ? attributes_of(cfg_->get(keys::model)) : args_) {}

bool FairseqSettings::has(const std::string& name) const {
  for (std::size_t i = 1; cfg_ != nullptr && cfg_->is_mapping() && i < cfg_->items.size(); i += 2) {
    const PickleNode* section = attributes_of(cfg_->items[i]);
    if (section != nullptr && section->get(name) != nullptr) return true;
  }
  return args_ != nullptr && args_->get(name) != nullptr;
}

const PickleNode* FairseqSettings::model_option(std::string_view option) const {
  return model_ == nullptr ? nullptr : model_->get(underscored(option));
}

const PickleNode* FairseqSettings::architecture() const {
  if (model_ == nullptr) return nullptr;
  const PickleNode* name = model_->get(keys::name_of_section);
  return name != nullptr ? name : model_->get(keys::arch);
}

NamedValues FairseqSettings::components() const {
  NamedValues names;
  for (const char* kind : {"task", "architecture", "criterion", "optimizer", "lr_scheduler"}) {
    const bool model = kind == std::string_view("architecture");
    if (cfg_ == nullptr) {
      add(names, kind, scalar_of(args_, model ? keys::arch : kind));
      continue;
    }
    const PickleNode* section = attributes_of(cfg_->get(model ? keys::model : kind));
    Value name = scalar_of(section, keys::name_of_section);
    if (std::holds_alternative<NotGiven>(name)) name = scalar_of(section, keys::arch);
    add(names, kind, name);
  }
  return names;
}

NamedValues FairseqSettings::position_flags() const {
  NamedValues flags;
  for (const char* flag : position_flag_names) add(flags, flag, scalar_of(model_, flag));
  return flags;
}

Value FairseqSettings::setting(const char* name, Settings& overrides) const {
  if (auto given = overrides.extract(name)) return given.mapped();
  const PickleNode* node = model_ == nullptr ? nullptr : model_->get(name);
  return node == nullptr ? Value() : plain_value(*node, name);
}

bool FairseqSettings::flag(const char* name, Settings& overrides) const {
  const Value value = setting(name, overrides);
  const auto* set = std::get_if<bool>(&value);
  return set != nullptr && *set;
}

std::vector<std::string> FairseqSettings::encodings(Settings& overrides) const {
  const bool none = flag(keys::no_token_positional_embeddings, overrides),
             learned = flag(keys::decoder_learned_pos, overrides), alibi = flag(keys::alibi, overrides);
  return reference_encodings(none, learned, alibi);
}

SavedBlocks FairseqSettings::blocks(Settings& overrides) const {
  SavedBlocks blocks;
  for (const auto& [key, member] : {std::pair(keys::tokens_per_sample, &SavedBlocks::tokens_per_sample),
                                    {keys::max_target_positions, &SavedBlocks::max_target_positions}})
    blocks.*member = positions(key, setting(key, overrides));
  return blocks;
}

Settings FairseqSettings::model_options(const std::vector<OptionInfo>& known, Settings& overrides) const {
  Settings values;
  for (std::size_t i = 0; model_ != nullptr && i < model_->items.size(); i += 2) {
    const std::string& name = model_->items[i]->as_text("a setting of the model in " + file_.name());
    if (std::ranges::find(known, dashed(name), &OptionInfo::name) != known.end()) {
      values[dashed(name)] = setting(name.c_str(), overrides);
      continue;
    }
    // A setting that is no option must be off: it would change the model.
    const PickleNode& value = *model_->items[i + 1];
    const bool off =
        value.is(Type::none) || ((value.is(Type::boolean) || value.is(Type::integer)) && value.integer == 0);
    if (cfg_ != nullptr && !off && !covered_elsewhere.contains(name)) {
      throw Error(ExitCode::configuration,
                  file_.name() + " holds a model with '" + name +
                      "', which this architecture does not have. A plugin that has it could load it.");
    }
  }
  if (before_final_norm(file_)) values[dashed(keys::no_decoder_final_norm)] = true;
  return values;
}

bool is_position_flag(std::string_view name) {
  return std::ranges::find(position_flag_names, name) != std::end(position_flag_names);
}

std::vector<std::string> reference_encodings(bool none, bool learned, bool alibi) {
  if (none) return {alibi ? "alibi" : "none"};
  std::vector<std::string> names{learned ? "learned" : "sinusoidal"};
  if (alibi) names.emplace_back("alibi");
  return names;
}

SavedBlocks recorded_blocks(const Settings& task) {
  const auto found = [&](const char* key) {
    const auto value = task.find(dashed(key));
    return value == task.end() ? std::nullopt : positions(key, value->second);
  };
  SavedBlocks blocks{found(keys::tokens_per_sample), found(keys::max_target_positions)};
  if (!blocks.max_target_positions) blocks.max_target_positions = blocks.tokens_per_sample;
  const auto bos = task.find(dashed(keys::add_bos_token));
  if (blocks.max_target_positions && bos != task.end() && bos->second == Value(true))
    ++*blocks.max_target_positions;
  return blocks;
}

std::string recorded_data(const CheckpointFile& file) {
  if (file.own() == nullptr) {
    const PickleNode* const cfg = attributes_of(file.root().get(keys::cfg));
    const PickleNode* const task =
        attributes_of(cfg != nullptr ? cfg->get("task") : file.root().get(keys::args));
    return task == nullptr ? "" : text_of(task->get(keys::data));
  }
  for (const PickleNode* component :
       file.own()->at(keys::components, "'nopos'").as_sequence(keys::components)) {
    if (text_of(component->get(keys::kind)) != "task") continue;
    const PickleNode* const options = component->get(keys::options);
    const PickleNode* const data = options == nullptr ? nullptr : options->get(keys::data);
    return data == nullptr || data->items.empty() ? "" : text_of(data->items[0]);
  }
  return {};
}

}  // namespace nopos
