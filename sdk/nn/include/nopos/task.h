#pragma once
/// The kind `task`: what data means. A task owns dictionaries and datasets, and says what a step is; the
/// engine owns accumulation, scaling, clipping, the optimizer and saving.

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
#include "nopos/tokenizer_record.h"

namespace nopos {

class Task {
 public:
  using Interface = Task;
  static constexpr const char* kind = "task";
  static constexpr int interface_version = kind_interface(kind);

  struct Context {
    std::int64_t seed = 1;
    std::optional<std::string> dataset_impl = {};  ///< format of the data; none: detect it
    std::optional<std::int64_t> batch_size = {}, batch_size_valid = {};  ///< most rows of a batch
  };

  virtual ~Task() = default;

  virtual const Dictionary& dictionary() const = 0;
  virtual const Dictionary& output_dictionary() const { return dictionary(); }

  /// What made the symbols of the dictionary, where the data say it: a checkpoint keeps it, and a run on data
  /// of another tokenizer is refused.
  virtual std::optional<TokenizerRecord> tokenizer() const { return std::nullopt; }

  /// The split as a dataset, for epoch `epoch` (from 1): with several data folders each epoch takes the next
  /// one. `combine` appends the files "<split>1", "<split>2", ... where there are any: for training always.
  /// \throws Error (data) where a file is missing or damaged, naming it.
  virtual std::shared_ptr<Dataset> load(const std::string& split, std::int64_t epoch, bool combine) = 0;
  /// Whether the training data must be loaded anew for each epoch.
  virtual bool data_changes_with_epoch() const { return false; }
  /// The splits that the data has, sorted: "test", "train", "valid", "valid1".
  virtual std::vector<std::string> available_splits() const { return {}; }

  /// Block length and longest sequence that the data asks for (this is the model's max_target_positions).
  virtual std::int64_t tokens_per_sample() const = 0;
  virtual std::int64_t max_positions() const { return tokens_per_sample(); }

  /// One micro-batch: forward, criterion and, when training, backward. Gradients accumulate.
  virtual CriterionResult step(Architecture& model, Criterion& criterion, const Batch& batch, bool training);
};

}  // namespace nopos
