#pragma once
/// What the readers of our files and of fairseq's share. \throws Error (data) everywhere

#include "saved_state.h"

namespace nopos::state_parts {

/// The last entry of `optimizer_history`; null where the file has none. \throws Error (data) for an empty one
const PickleNode* last_history(const CheckpointFile& file);

/// An entry of `extra_state`; null where there is none. Very old files keep some of them beside it.
const PickleNode* extra(const CheckpointFile& file, const char* key);

std::optional<double> optional_number(const PickleNode* node, std::string_view what);

/// Which readers agree on: meters, best, the schedule, averages, the optimizer's states and group.
void read_common(const CheckpointFile& file, const StateParts& parts, SavedState& state);

/// Epoch, micro-batches and shuffling, of `train_iterator`.
void read_iterator(const PickleNode& iterator, SavedState& state);

void read_own(const CheckpointFile& file, const StateParts& parts, SavedState& state);
void read_fairseq(const CheckpointFile& file, const StateParts& parts, SavedState& state);

}  // namespace nopos::state_parts
