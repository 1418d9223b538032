#pragma once
/// The kind `task`: how data becomes batches, and what a training step computes. A task owns dictionaries and
/// datasets; the engine owns gradient accumulation, scaling, clipping, the optimizer and checkpoints. All
/// functions are called from one thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nopos/architecture.h"
#include "nopos/criterion.h"
#include "nopos/dataset.h"
#include "nopos/dictionary.h"
#include "nopos/plugin.h"
#include "nopos/tokenizer.h"

namespace nopos {

/// What a step is part of. The engine makes it; fields may be added at the end.
struct Step {
  bool training = false;    ///< else an evaluation: no gradients
  double loss_scale = 1;    ///< keeps small gradients representable in half precision
  std::int64_t update = 0;  ///< of the run, counted from 1; in an evaluation the last one made
  std::int64_t epoch = 0;   ///< of the training data, counted from 1
};

class Task {
 public:
  using Interface = Task;
  static constexpr const char* kind = "task";
  static constexpr InterfaceVersion interface_version = kind_interface(kind);

  struct Context {
    std::int64_t seed = 1;
    std::optional<std::string> dataset_impl = {};  ///< format of the data; nullopt: detect it
    std::optional<std::int64_t> batch_size = {},
                                batch_size_valid = {};  ///< largest number of rows of a batch
  };

  virtual ~Task() = default;

  virtual const Dictionary& dictionary() const = 0;
  virtual const Dictionary& output_dictionary() const { return dictionary(); }

  /// The tokenizer that made the symbols of the dictionary, if the data record it. Saved in checkpoints;
  /// continuing on data of another tokenizer is refused.
  virtual std::optional<TokenizerRecord> tokenizer() const { return std::nullopt; }

  /// The dataset of a split for epoch `epoch` (counted from 1); with several data folders, epochs take turns.
  /// `combine` appends the files "<split>1", "<split>2", ..., if any; always set for training. \throws Error
  /// (data) if a file is missing or damaged, naming it.
  virtual std::shared_ptr<Dataset> load(const std::string& split, std::int64_t epoch, bool combine) = 0;
  /// Whether the training data must be reloaded for each epoch.
  virtual bool data_changes_with_epoch() const { return false; }
  /// The splits in the data, sorted: "test", "train", "valid", "valid1".
  virtual std::vector<std::string> available_splits() const { return {}; }

  /// Block length, and the longest sequence that batches may have (the model's max_target_positions), in
  /// tokens.
  virtual std::int64_t tokens_per_sample() const = 0;
  virtual std::int64_t max_positions() const { return tokens_per_sample(); }
  /// Changes the block length, before the first `load`: an evaluation has lengths of its own. At least 1.
  /// \returns false if this task has no block length that could be changed
  virtual bool set_tokens_per_sample(std::int64_t tokens) {
    (void)tokens;
    return false;
  }
  /// Whether each block begins with <s>, in addition to `tokens_per_sample`. An evaluation does not score the
  /// first token of a block then.
  virtual bool adds_bos() const { return false; }
  /// The data as the user named them, for messages; empty if they have no name.
  virtual std::string data_name() const { return {}; }

  /// One micro-batch: forward, criterion and, in training, backward of the loss times the loss scale.
  /// Gradients accumulate. The returned loss is detached and not scaled.
  virtual CriterionResult step(Architecture& model, Criterion& criterion, const Batch& batch,
                               const Step& step);
};

}  // namespace nopos
