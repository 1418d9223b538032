// Our files: fairseq's keys, and what a bit-exact continuation needs beyond them.

#include <algorithm>

#include "checkpoint_keys.h"
#include "nopos/error.h"
#include "state_parts.h"

namespace nopos::state_parts {
namespace {

constexpr const char* in_own = "'nopos'";

void read_place(const CheckpointFile& file, SavedState& state) {
  const PickleNode* iterator = extra(file, keys::train_iterator);
  if (iterator == nullptr)
    file.root().at(keys::extra_state, file.name()).at(keys::train_iterator, file.name());
  read_iterator(*iterator, state);
  state.epoch = std::max<std::int64_t>(state.epoch, 1);
  state.epoch_iterations = file.own()->at(keys::epoch_iterations, in_own).as_integer(keys::epoch_iterations);
}

void read_parameters(const CheckpointFile& file, SavedState& state) {
  const std::string where = "'parameters' in " + file.name();
  for (const PickleNode* parameter : file.own()->at(keys::parameters, file.name()).as_sequence(where)) {
    const auto& entry = parameter->as_sequence("an entry of " + where);
    if (entry.size() != 2) throw Error(ExitCode::data, where + " are not pairs of name and step.");
    state.parameters.push_back(entry[0]->as_text("name of a parameter"));
    state.steps.push_back(entry[1]->as_integer("step of " + state.parameters.back()));
  }
}

void read_loss_scale(const PickleNode& own, SavedState& state) {
  const PickleNode* saved = own.get(keys::loss_scale);
  if (saved != nullptr) state.loss_scale.clear();
  for (std::size_t i = 0; saved != nullptr && saved->is_mapping() && i < saved->items.size(); i += 2) {
    const std::string& name = saved->items[i]->as_text("a key of 'loss_scale'");
    state.loss_scale[name] = saved->items[i + 1]->as_number(name);
  }
}

}  // namespace

void read_own(const CheckpointFile& file, const StateParts& parts, SavedState& state) {
  const PickleNode& own = *file.own();
  read_common(file, parts, state);
  if (parts.place) read_place(file, state);
  if (state.has_optimizer) {
    state.num_updates =
        last_history(file)->at(keys::num_updates, "'optimizer_history'").as_integer(keys::num_updates);
    read_parameters(file, state);
    read_loss_scale(own, state);
  }
  if (const PickleNode* masters = own.get(keys::master)) {
    state.has_masters = true;
    state.masters = masters->as_sequence("'master' in " + file.name());
  }
  if (const PickleNode* updates = own.get(keys::ema_updates))
    state.ema_updates = updates->as_integer(keys::ema_updates);
  const PickleNode& random = own.at(keys::random_state, in_own);
  if (!random.is(PickleNode::Type::none)) state.random_state = &random;
}

}  // namespace nopos::state_parts
