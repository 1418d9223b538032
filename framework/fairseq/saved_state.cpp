#include "saved_state.h"

#include <map>

#include "checkpoint_keys.h"
#include "nopos/error.h"
#include "state_parts.h"
#include "values.h"

namespace nopos {
namespace {

bool is_absent(const PickleNode* node) { return node == nullptr || node->is(PickleNode::Type::none); }

/// A figure of a meter; fairseq keeps some as tensors of one number.
Value figure(const CheckpointFile& file, const PickleNode& node, const std::string& name) {
  if (!is_tensor(node)) return plain_value(node, name);
  if (file.describe(node, name).elements() != 1)
    throw Error(ExitCode::data, name + " in " + file.name() + " is not one number.");
  return file.first_number(node, name);
}

void read_meters(const CheckpointFile& file, const PickleNode& metrics, SavedState& state) {
  for (std::size_t i = 0; metrics.is_mapping() && i < metrics.items.size(); i += 2) {
    std::vector<MeterState>& meters = state.meters[metrics.items[i]->as_text("name of an aggregator")];
    for (const PickleNode* item : metrics.items[i + 1]->as_sequence("meters")) {
      const auto& parts = item->as_sequence("a meter");
      if (parts.size() != 4)
        throw Error(ExitCode::data, "a meter of the checkpoint does not have four parts.");
      MeterState meter{.name = parts[1]->as_text("name of a meter"),
                       .priority = static_cast<int>(parts[0]->as_integer("priority of a meter")),
                       .type = parts[2]->as_text("class of a meter"),
                       .fields = {}};
      for (std::size_t f = 0; parts[3]->is_mapping() && f < parts[3]->items.size(); f += 2) {
        const std::string& field = parts[3]->items[f]->as_text("field of a meter");
        meter.fields.emplace_back(field, figure(file, *parts[3]->items[f + 1], field));
      }
      meters.push_back(std::move(meter));
    }
  }
}

/// The states of the file's parameters in their order. Before PyTorch 1.6 a parameter went by its address in
/// the memory of the run, afterwards by its number.
std::vector<Pickle::Node> states_in_order(const PickleNode& state,
                                          const std::vector<const PickleNode*>& params) {
  std::map<std::int64_t, std::size_t> places;
  for (std::size_t i = 0; i < params.size(); ++i)
    places.emplace(params[i]->as_integer("an entry of 'params'"), i);
  std::vector<Pickle::Node> states(params.size(), nullptr);
  for (std::size_t i = 0; state.is_mapping() && i < state.items.size(); i += 2) {
    const auto place = places.find(state.items[i]->as_integer("an index in 'last_optimizer_state'"));
    if (place != places.end()) states[place->second] = state.items[i + 1];
  }
  return states;
}

void read_optimizer(const CheckpointFile& file, const PickleNode& saved, SavedState& state) {
  const std::string where = "'last_optimizer_state'", in_groups = "'param_groups'";
  const PickleNode& states = saved.at(keys::state, where);
  const auto& groups = saved.at(keys::param_groups, where).as_sequence(in_groups);
  if (groups.size() != 1) throw Error(ExitCode::data, file.name() + " must have one parameter group.");
  const PickleNode& group = *groups[0];
  state.has_optimizer = true;
  state.optimizer.states = states_in_order(states, group.at(keys::params, in_groups).as_sequence("'params'"));
  for (std::size_t i = 0; group.is_mapping() && i < group.items.size(); i += 2) {
    const std::string& name = group.items[i]->as_text("a key of 'param_groups'");
    if (name != keys::params) state.optimizer.group.emplace_back(name, group.items[i + 1]);
  }
}

void read_schedule(const PickleNode* history, SavedState& state) {
  const PickleNode* saved = history == nullptr ? nullptr : history->get(keys::lr_scheduler_state);
  for (std::size_t i = 0; saved != nullptr && saved->is_mapping() && i < saved->items.size(); i += 2) {
    const std::string& name = saved->items[i]->as_text("a key of 'lr_scheduler_state'");
    if (const auto value = state_parts::optional_number(saved->items[i + 1], name))
      state.lr_scheduler[name] = *value;
  }
}

}  // namespace

namespace state_parts {

const PickleNode* last_history(const CheckpointFile& file) {
  const PickleNode* history = file.root().get(keys::optimizer_history);
  if (history == nullptr && file.own() == nullptr) return nullptr;
  const auto& entries =
      file.root().at(keys::optimizer_history, file.name()).as_sequence(keys::optimizer_history);
  if (entries.empty()) throw Error(ExitCode::data, file.name() + " has an empty optimizer_history.");
  return entries.back();
}

const PickleNode* extra(const CheckpointFile& file, const char* key) {
  const PickleNode* entries = file.root().get(keys::extra_state);
  if (!is_absent(entries)) return entries->get(key);
  if (file.own() != nullptr) file.root().at(keys::extra_state, file.name());
  return file.root().get(key);
}

std::optional<double> optional_number(const PickleNode* node, std::string_view what) {
  if (is_absent(node)) return std::nullopt;
  return node->as_number(what);
}

void read_iterator(const PickleNode& iterator, SavedState& state) {
  state.epoch = iterator.at(keys::epoch, "'train_iterator'").as_integer(keys::epoch);
  if (const PickleNode* batches = iterator.get(keys::iterations_in_epoch))
    state.iterations_in_epoch = batches->as_integer(keys::iterations_in_epoch);
  if (const PickleNode* shuffle = iterator.get(keys::shuffle))
    state.shuffle = shuffle->as_boolean(keys::shuffle);
  const PickleNode* version = iterator.get(keys::version);
  state.may_stand_at_the_end = version == nullptr || version->as_integer(keys::version) == 1;
}

void read_common(const CheckpointFile& file, const StateParts& parts, SavedState& state) {
  state.model = &saved_model_tensors(file);
  state.ema = saved_average(file);
  state.ema_in_float = extra(file, keys::ema_fp32_params);
  if (const PickleNode* saved = parts.optimizer ? saved_optimizer(file) : nullptr) {
    read_optimizer(file, *saved, state);
    if (parts.lr_scheduler) read_schedule(last_history(file), state);
    if (const PickleNode* factor = saved->get(keys::loss_scale))
      state.loss_scale[keys::loss_scale] = factor->as_number(keys::loss_scale);
  }
  if (parts.meters) {
    if (const PickleNode* metrics = extra(file, keys::metrics)) read_meters(file, *metrics, state);
    if (const PickleNode* seconds = extra(file, keys::previous_training_time))
      state.training_seconds = seconds->as_number(keys::previous_training_time);
  }
  if (parts.best) state.best = optional_number(extra(file, keys::best), keys::best);
  state.validation_loss = optional_number(extra(file, keys::val_loss), keys::val_loss);
}

}  // namespace state_parts

const PickleNode& saved_model_tensors(const CheckpointFile& file) {
  return file.root().at(keys::model, file.name());
}

const PickleNode* saved_average(const CheckpointFile& file) { return state_parts::extra(file, keys::ema); }

const PickleNode* saved_optimizer(const CheckpointFile& file) {
  if (const PickleNode* state = file.root().get(keys::last_optimizer_state); !is_absent(state)) return state;
  if (file.own() != nullptr) return nullptr;
  // first beside everything else, then in each entry of the history
  const PickleNode* history = state_parts::last_history(file);
  const PickleNode* older = (history != nullptr ? *history : file.root()).get(keys::optimizer);
  return is_absent(older) ? nullptr : older;
}

std::optional<std::string> saved_class(const CheckpointFile& file, const std::string& kind,
                                       const std::string& otherwise) {
  const PickleNode* history = state_parts::last_history(file);
  if (history == nullptr) return std::nullopt;
  const std::string key = kind + "_name";
  const PickleNode* name = history->get(key);
  return name != nullptr ? name->as_text(key) : otherwise;
}

SavedState read_state(const CheckpointFile& file, const StateParts& parts) {
  SavedState state;
  (file.own() != nullptr ? state_parts::read_own : state_parts::read_fairseq)(file, parts, state);
  return state;
}

}  // namespace nopos
