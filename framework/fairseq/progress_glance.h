#pragma once
/// How far the run was that wrote a checkpoint, for a summary.

#include "checkpoint_file.h"
#include "nopos/options.h"

namespace nopos {

/// Numbers; nothing where the file does not say, as older files of fairseq.
struct ProgressGlance {
  Value updates, epoch, batches, validation_loss, best, seconds;
};

/// Never fails: what is not a plain value counts as not said.
ProgressGlance glance_at_progress(const CheckpointFile& file);

}  // namespace nopos
