#pragma once
/// Where a run stands: what a checkpoint says of it beside tensors.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint_keys.h"
#include "nopos/options.h"
#include "nopos/tokenizer.h"

namespace nopos {

/// One meter as checkpoints keep it: its class in fairseq and fields.
struct MeterState {
  std::string name;
  int priority = 0;
  std::string type;  ///< a `meter_class`
  std::vector<std::pair<std::string, Value>> fields;
};

/// Which dictionary and tokenizer a model was trained with: enough to notice others, also a dictionary of the
/// same size.
struct DictionaryMark {
  std::int64_t size = 0;
  std::string digest;                             ///< of all symbols in their order; hexadecimal
  std::optional<TokenizerRecord> tokenizer = {};  ///< where the data say it
};

struct RunProgress {
  std::int64_t num_updates = 0;
  std::int64_t epoch = 1;                ///< from 1
  std::int64_t iterations_in_epoch = 0;  ///< micro-batches taken of this epoch
  /// `iterations_in_epoch` may be all of an epoch that has ended: older files of fairseq.
  bool may_stand_at_the_end = false;
  std::int64_t epoch_iterations = 0;  ///< micro-batches of the whole epoch, to notice other data
  bool shuffle = true;
  std::optional<double> best, validation_loss;            ///< of `--best-checkpoint-metric`
  std::map<std::string, std::vector<MeterState>> meters;  ///< by aggregator: "default", "train", ...
  double training_seconds = 0;
  std::map<std::string, double> lr_scheduler;  ///< `LRScheduler::state()`
  std::map<std::string, double> loss_scale;    ///< `LossScale::state()`; empty without one
  DictionaryMark dictionary;
};

}  // namespace nopos
