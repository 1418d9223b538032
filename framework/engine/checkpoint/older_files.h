#pragma once
/// What a run left behind, wherever the version of fairseq that wrote the file kept it. Where an older
/// file lacks something, it has the value that fairseq gives it. Ours lack nothing.

#include <cstdint>

#include "checkpoint_file.h"

namespace nopos::engine {

/// State of the last optimizer; null where it was not saved.
const PickleNode* saved_optimizer(const CheckpointFile& source);

/// The last entry of `optimizer_history`; null where the file has none. \throws Error (data) for an empty one
const PickleNode* last_history(const CheckpointFile& source);

/// Finished updates: 0 where the file does not say.
std::int64_t saved_updates(const CheckpointFile& source);

/// State of the schedule, by fairseq's names; null where there is none.
const PickleNode* saved_schedule(const CheckpointFile& source);

/// An entry of `extra_state`; null where there is none. Very old files keep some of them beside it.
const PickleNode* extra(const CheckpointFile& source, const char* key);

struct SavedPlace {
  std::int64_t epoch = 1, iterations_in_epoch = 0;
  bool shuffle = true;
  std::int64_t version = 1;  ///< 1: an epoch that has ended may stand at its last batch
};
SavedPlace saved_place_in_data(const CheckpointFile& source);

}  // namespace nopos::engine
