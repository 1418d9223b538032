#pragma once
/// Which splits are read, how rows become batches, and when to validate.
/// Names, types and defaults are fairseq's.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nopos/options.h"
#include "option_reasons.h"

namespace nopos {

struct DatasetOptions {
  static constexpr const char* group = "dataset";

  bool skip_invalid_size_inputs_valid_test = false;
  std::optional<std::int64_t> max_tokens;
  std::optional<std::int64_t> batch_size;
  std::int64_t required_batch_size_multiple = 8;
  std::optional<std::string> dataset_impl;
  std::string train_subset = "train";
  std::string valid_subset = "valid";
  std::optional<bool> combine_valid_subsets;
  bool ignore_unused_valid_subsets = false;
  std::int64_t validate_interval = 1;
  std::int64_t validate_interval_updates = 0;
  std::int64_t validate_after_updates = 0;
  std::optional<std::int64_t> fixed_validation_seed;
  bool disable_validation = false;
  std::optional<std::int64_t> max_tokens_valid;
  std::optional<std::int64_t> batch_size_valid;
  std::optional<std::int64_t> max_valid_steps;
  std::int64_t curriculum = 0;
  std::string gen_subset = "test";
  std::int64_t num_shards = 1;
  std::int64_t shard_id = 0;
  bool grouped_shuffling = false;
  bool update_ordered_indices_seed = false;

  NOPOS_OPTIONS(o) {
    o.ignored("num-workers", 1, "processes that prepare batches",
              "one thread of this process prefetches batches", AtLeast{0});
    o.add("skip-invalid-size-inputs-valid-test", &DatasetOptions::skip_invalid_size_inputs_valid_test,
          "skip validation blocks that are too long, with a warning, instead of failing");
    o.add("max-tokens", &DatasetOptions::max_tokens, "maximum tokens in a batch, including padding",
          AtLeast{1});
    o.add("batch-size", &DatasetOptions::batch_size, "maximum rows in a batch", AtLeast{1},
          Alias{"max-sentences"});
    o.add("required-batch-size-multiple", &DatasetOptions::required_batch_size_multiple,
          "rows of a batch are a multiple of this, or fewer", AtLeast{1});
    o.refused("required-seq-len-multiple", 1, "row lengths are padded to a multiple of this",
              "rows are as long as their longest block", AtLeast{1});
    o.add("dataset-impl", &DatasetOptions::dataset_impl,
          "format of the data; default: text (raw) if a split is a plain file, otherwise detected from its "
          "index",
          OneOf{{"raw", "lazy", "cached", "mmap"}});
    o.ignored("data-buffer-size", 10, "batches to prepare ahead",
              "the queue of the prefetch thread has a fixed length", AtLeast{0});
    o.add("train-subset", &DatasetOptions::train_subset, "split to train on");
    o.add("valid-subset", &DatasetOptions::valid_subset, "splits to validate on, separated by commas");
    o.add("combine-valid-subsets", &DatasetOptions::combine_valid_subsets,
          "validate on all splits named valid* as one", Alias{"combine-val"});
    o.add("ignore-unused-valid-subsets", &DatasetOptions::ignore_unused_valid_subsets,
          "do not fail if validation splits are left unused");
    o.add("validate-interval", &DatasetOptions::validate_interval, "epochs between validations", AtLeast{1});
    o.add("validate-interval-updates", &DatasetOptions::validate_interval_updates,
          "updates between validations; 0: only at the end of an epoch", AtLeast{0});
    o.add("validate-after-updates", &DatasetOptions::validate_after_updates,
          "no validation before this many updates", AtLeast{0});
    o.add("fixed-validation-seed", &DatasetOptions::fixed_validation_seed,
          "random seed set before each validation", AtLeast{0});
    o.add("disable-validation", &DatasetOptions::disable_validation, "never validate");
    o.add("max-tokens-valid", &DatasetOptions::max_tokens_valid,
          "--max-tokens of validation; default: that of training", AtLeast{1});
    o.add("batch-size-valid", &DatasetOptions::batch_size_valid,
          "--batch-size of validation; default: that of training", AtLeast{1}, Alias{"max-sentences-valid"});
    o.add("max-valid-steps", &DatasetOptions::max_valid_steps, "maximum batches in a validation", AtLeast{1},
          Alias{"nval"});
    o.add("curriculum", &DatasetOptions::curriculum,
          "number of epochs at the start whose batches are not shuffled", AtLeast{0});
    o.add("gen-subset", &DatasetOptions::gen_subset, "split to generate from",
          NoEffect{"training does not use it"});
    o.add("num-shards", &DatasetOptions::num_shards, "parts of the data for generation", AtLeast{1},
          NoEffect{"training does not use it"});
    o.add("shard-id", &DatasetOptions::shard_id, "part of the data for generation", AtLeast{0},
          NoEffect{"training does not use it"});
    o.add("grouped-shuffling", &DatasetOptions::grouped_shuffling,
          "shuffle groups of batches, one batch per process", NoEffect{one_process});
    o.ignored("update-epoch-batch-itr", not_given<bool>, "rebuild the batches in every epoch",
              "the batches of an epoch are determined by seed, epoch and data");
    o.add("update-ordered-indices-seed", &DatasetOptions::update_ordered_indices_seed,
          "reorder blocks of equal length in every epoch");
  }
};

}  // namespace nopos
