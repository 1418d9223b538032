#pragma once
/// An exponential moving average of the weights, kept beside the model.
/// Names, types and defaults are fairseq's.

#include <cstdint>
#include <optional>
#include <string>

#include "nopos/options.h"

namespace nopos {

struct EmaOptions {
  static constexpr const char* group = "ema";

  bool store_ema = false;
  double ema_decay = 0.9999;
  std::int64_t ema_start_update = 0;
  std::optional<std::string> ema_seed_model = {};
  std::int64_t ema_update_freq = 1;
  bool ema_fp32 = false;

  NOPOS_OPTIONS(o) {
    o.add("store-ema", &EmaOptions::store_ema, "keep a moving average of the weights, saved in checkpoints");
    o.add("ema-decay", &EmaOptions::ema_decay, "decay of the average per step", Range{0, 1});
    o.add("ema-start-update", &EmaOptions::ema_start_update, "update at which averaging starts", AtLeast{0});
    o.add("ema-seed-model", &EmaOptions::ema_seed_model,
          "checkpoint whose average to start from, instead of the model's weights");
    o.add("ema-update-freq", &EmaOptions::ema_update_freq, "updates between steps of the average",
          AtLeast{1});
    o.add("ema-fp32", &EmaOptions::ema_fp32, "keep the average in float32, whatever the model's precision");
  }
};

}  // namespace nopos
