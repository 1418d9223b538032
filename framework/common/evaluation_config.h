#pragma once
/// One evaluation, completely resolved: what the host hands to the engine.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "run_config.h"

namespace nopos {

/// A model to evaluate: the task, the engine's options and the head are this evaluation's, architecture and
/// encodings the checkpoint's.
struct EvaluatedModel {
  std::filesystem::path file;
  RunConfig config;
  // What the model was built for; nothing: as the task of this evaluation says.
  std::optional<std::int64_t> tokens_per_sample, max_target_positions;
};

struct EvaluationConfig {
  std::vector<EvaluatedModel> models;  ///< at least one; several are an ensemble
  /// `--tokens-per-sample`: block lengths, each evaluated by itself. Empty: the task has no such option.
  std::vector<std::int64_t> lengths = {};
  std::optional<std::int64_t> max_positions = {};  ///< `--max-target-positions`: no longer block is evaluated
};

}  // namespace nopos
