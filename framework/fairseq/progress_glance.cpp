#include "progress_glance.h"

#include "checkpoint_keys.h"
#include "values.h"

namespace nopos {

ProgressGlance glance_at_progress(const CheckpointFile& file) {
  const PickleNode* extra = attributes_of(file.root().get(keys::extra_state));
  const PickleNode* iterator = extra == nullptr ? nullptr : attributes_of(extra->get(keys::train_iterator));
  const PickleNode* history = file.root().get(keys::optimizer_history);
  const bool has_history =
      history != nullptr && history->is(PickleNode::Type::list) && !history->items.empty();
  return {.updates = scalar_of(has_history ? history->items.back() : nullptr, keys::num_updates),
          .epoch = scalar_of(iterator, keys::epoch),
          .batches = scalar_of(iterator, keys::iterations_in_epoch),
          .validation_loss = scalar_of(extra, keys::val_loss),
          .best = scalar_of(extra, keys::best),
          .seconds = scalar_of(extra, keys::previous_training_time)};
}

}  // namespace nopos
