#pragma once
/// How long to train, and what an update is.
/// Names, types and defaults are fairseq's.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nopos/options.h"

namespace nopos {

struct OptimizationOptions {
  static constexpr const char* group = "optimization";

  std::int64_t max_epoch = 0;
  std::int64_t max_update = 0;
  double stop_time_hours = 0;
  double clip_norm = 0.0;
  bool sentence_avg = false;
  std::vector<std::int64_t> update_freq{1};
  std::vector<double> lr{0.25};
  double stop_min_lr = -1.0;
  bool skip_remainder_batch = false;

  NOPOS_OPTIONS(o) {
    o.add("max-epoch", &OptimizationOptions::max_epoch, "epochs to train; 0: no limit", AtLeast{0});
    o.add("max-update", &OptimizationOptions::max_update, "updates to train; 0: no limit", AtLeast{0});
    o.add("stop-time-hours", &OptimizationOptions::stop_time_hours,
          "total hours of training after which to stop; 0: no limit", AtLeast{0});
    o.add("clip-norm", &OptimizationOptions::clip_norm, "norm to clip gradients to; 0: no clipping",
          AtLeast{0});
    o.add("sentence-avg", &OptimizationOptions::sentence_avg,
          "normalize gradients by sequences instead of tokens");
    o.add("update-freq", &OptimizationOptions::update_freq,
          "batches per update, one value per epoch; the last value repeats", AtLeast{1});
    o.add("lr", &OptimizationOptions::lr, "learning rate, one value per epoch; the last value repeats",
          AtLeast{0});
    o.add("stop-min-lr", &OptimizationOptions::stop_min_lr, "stop when the learning rate falls to this");
    o.refused("use-bmuf", false, "block-wise model update filtering", "it needs several processes");
    o.add("skip-remainder-batch", &OptimizationOptions::skip_remainder_batch,
          "skip the last update of an epoch if it has fewer batches");
  }
};

}  // namespace nopos
