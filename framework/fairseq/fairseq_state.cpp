// Files of fairseq, wherever the version that wrote them kept a thing.

#include <algorithm>

#include "checkpoint_keys.h"
#include "state_parts.h"

namespace nopos::state_parts {
namespace {

/// Finished updates: 0 where the file does not say.
std::int64_t saved_updates(const CheckpointFile& file) {
  const PickleNode* history = last_history(file);
  const PickleNode* updates = history == nullptr ? nullptr : history->get(keys::num_updates);
  return updates == nullptr ? 0 : updates->as_integer(keys::num_updates);
}

void read_place(const CheckpointFile& file, SavedState& state) {
  state.may_stand_at_the_end = true;
  const PickleNode* iterator = extra(file, keys::train_iterator);
  if (iterator != nullptr && !iterator->is(PickleNode::Type::none)) {
    read_iterator(*iterator, state);
  } else {
    if (const PickleNode* epoch = extra(file, keys::epoch)) state.epoch = epoch->as_integer(keys::epoch);
    if (const PickleNode* batch = extra(file, keys::batch_offset))
      state.iterations_in_epoch = batch->as_integer(keys::batch_offset);
  }
  state.epoch = std::max<std::int64_t>(state.epoch, 1);  // counted from 0 once
}

}  // namespace

void read_fairseq(const CheckpointFile& file, const StateParts& parts, SavedState& state) {
  read_common(file, parts, state);
  if (parts.place) read_place(file, state);
  if (!state.has_optimizer) return;
  state.num_updates = saved_updates(file);
  for (const Pickle::Node one : state.optimizer.states) {
    const PickleNode* step = one == nullptr ? nullptr : one->get(keys::step);
    const std::string what = "step of parameter " + std::to_string(state.steps.size());
    // a state that is there has seen an update, also where an older file does not say how many
    state.steps.push_back(one == nullptr    ? 0
                          : step != nullptr ? step->as_integer(what)
                                            : std::max<std::int64_t>(state.num_updates, 1));
  }
}

}  // namespace nopos::state_parts
