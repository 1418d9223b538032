#pragma once
/// What is saved, when, under which name, and what a run starts from.
/// Names, types and defaults are fairseq's.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nopos/options.h"
#include "option_reasons.h"

namespace nopos {

struct CheckpointOptions {
  static constexpr const char* group = "checkpoint";

  std::string save_dir = "checkpoints";
  std::string restore_file = "checkpoint_last.pt";
  std::optional<std::string> continue_once;
  std::optional<std::string> finetune_from_model;
  bool reset_dataloader = false;
  bool reset_lr_scheduler = false;
  bool reset_meters = false;
  bool reset_optimizer = false;
  std::string optimizer_overrides = "{}";
  std::int64_t save_interval = 1;
  std::int64_t save_interval_updates = 0;
  std::int64_t keep_interval_updates = -1;
  std::int64_t keep_interval_updates_pattern = -1;
  std::int64_t keep_last_epochs = -1;
  std::int64_t keep_best_checkpoints = -1;
  bool no_save = false;
  bool no_epoch_checkpoints = false;
  bool no_last_checkpoints = false;
  bool no_save_optimizer_state = false;
  std::string best_checkpoint_metric = "loss";
  bool maximize_best_checkpoint_metric = false;
  std::int64_t patience = -1;
  std::string checkpoint_suffix = "";
  bool write_checkpoints_asynchronously = true;

  NOPOS_OPTIONS(o) {
    o.add("save-dir", &CheckpointOptions::save_dir, "folder for checkpoints");
    o.add("restore-file", &CheckpointOptions::restore_file,
          "checkpoint to continue from; a bare checkpoint_last.pt means the one in --save-dir");
    o.add("continue-once", &CheckpointOptions::continue_once,
          "checkpoint to continue from if --save-dir has none yet");
    o.add("finetune-from-model", &CheckpointOptions::finetune_from_model,
          "checkpoint whose weights a new run starts from");
    o.add("reset-dataloader", &CheckpointOptions::reset_dataloader,
          "start from the beginning of the data instead of the checkpoint's position");
    o.add("reset-lr-scheduler", &CheckpointOptions::reset_lr_scheduler,
          "do not load the state of the learning-rate schedule");
    o.add("reset-meters", &CheckpointOptions::reset_meters, "do not load the meters (running averages)");
    o.add("reset-optimizer", &CheckpointOptions::reset_optimizer, "do not load the state of the optimizer");
    o.add("optimizer-overrides", &CheckpointOptions::optimizer_overrides,
          "optimizer options that override those restored from a checkpoint, such as \"{'betas': [0.9, "
          "0.95]}\"");
    o.add("save-interval", &CheckpointOptions::save_interval, "epochs between checkpoints", AtLeast{1});
    o.add("save-interval-updates", &CheckpointOptions::save_interval_updates,
          "updates between checkpoints; 0: only at the end of an epoch", AtLeast{0});
    o.add("keep-interval-updates", &CheckpointOptions::keep_interval_updates,
          "checkpoints of --save-interval-updates to keep; -1: all", AtLeast{-1});
    o.add("keep-interval-updates-pattern", &CheckpointOptions::keep_interval_updates_pattern,
          "keep every checkpoint whose update is a multiple of this; -1: none", AtLeast{-1});
    o.add("keep-last-epochs", &CheckpointOptions::keep_last_epochs, "checkpoints of epochs to keep; -1: all",
          AtLeast{-1});
    o.add("keep-best-checkpoints", &CheckpointOptions::keep_best_checkpoints,
          "best checkpoints to keep; -1: only checkpoint_best.pt", AtLeast{-1});
    o.add("no-save", &CheckpointOptions::no_save, "save nothing");
    o.add("no-epoch-checkpoints", &CheckpointOptions::no_epoch_checkpoints,
          "keep only the last and the best checkpoint");
    o.add("no-last-checkpoints", &CheckpointOptions::no_last_checkpoints, "do not write checkpoint_last.pt");
    o.add("no-save-optimizer-state", &CheckpointOptions::no_save_optimizer_state,
          "do not save the state of the optimizer");
    o.add("best-checkpoint-metric", &CheckpointOptions::best_checkpoint_metric,
          "validation metric that determines the best checkpoint");
    o.add("maximize-best-checkpoint-metric", &CheckpointOptions::maximize_best_checkpoint_metric,
          "larger values of the metric are better");
    o.add("patience", &CheckpointOptions::patience,
          "stop after this many validations without improvement; -1: never", AtLeast{-1});
    o.add("checkpoint-suffix", &CheckpointOptions::checkpoint_suffix,
          "text added to the names of checkpoints");
    o.refused("checkpoint-shard-count", 1, "files per checkpoint", "a checkpoint is one file", AtLeast{1});
    o.ignored("load-checkpoint-on-all-dp-ranks", false, "read checkpoints in every process", one_process);
    o.add("write-checkpoints-asynchronously", &CheckpointOptions::write_checkpoints_asynchronously,
          "write checkpoints in the background from a copy of the tensors; =false: training waits, and no "
          "memory is needed for the copy",
          Alias{"save-async"});
  }
};

}  // namespace nopos
