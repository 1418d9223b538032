#include "split.h"

#include <algorithm>

#include "nopos/error.h"
#include "nopos/strings.h"

namespace nopos::engine {
namespace {

/// The longest sequence that both the data and the model take.
std::int64_t max_positions(const Components& parts) {
  return std::min(parts.task->max_positions(), parts.model->max_positions());
}

/// The splits that `--valid-subset` names. Nothing at all would be no validation, which another flag says.
std::vector<std::string> valid_subsets(const std::string& list) {
  std::vector<std::string> names = nopos::split(list, ',');
  if (std::find(names.begin(), names.end(), "") != names.end()) {
    throw Error(ExitCode::configuration,
                "--valid-subset is '" + list +
                    "', but must name splits, separated by commas, such as valid or valid,test. "
                    "Use --disable-validation to skip validation.");
  }
  return names;
}

/// valid1, valid2, ... beside the splits that are read are more often a mistake than meant.
void refuse_unused(const Task& task, const std::vector<std::string>& used) {
  std::vector<std::string> unused;
  for (const std::string& split : task.available_splits()) {
    const bool numbered = split.starts_with("valid") && split.back() >= '0' && split.back() <= '9';
    if (numbered && std::find(used.begin(), used.end(), split) == used.end()) {
      unused.push_back(split);
    }
  }
  if (unused.empty()) return;
  throw Error(ExitCode::data, "the data have validation splits that would be ignored: " + join(unused) +
                                  ". Name them in --valid-subset, join them with --combine-val, or give "
                                  "--ignore-unused-valid-subsets or --disable-validation.");
}

}  // namespace

EpochBatches load_training_split(const Components& parts, const CommonOptions& common,
                                 const DatasetOptions& options, std::int64_t epoch) {
  return {parts.task->load(options.train_subset, epoch, /*combine=*/true),
          {.max_tokens = options.max_tokens,
           .max_sentences = options.batch_size,
           .required_batch_size_multiple = options.required_batch_size_multiple,
           .max_positions = max_positions(parts),
           .skip_invalid = true,
           .seed = common.seed,
           .reorder_each_epoch = options.update_ordered_indices_seed,
           .grouped_shuffling = options.grouped_shuffling}};
}

std::vector<ValidationSplit> load_validation_splits(const Components& parts, const CommonOptions& common,
                                                    const DatasetOptions& options) {
  std::vector<ValidationSplit> splits;
  if (options.disable_validation) return splits;
  const bool combine = options.combine_valid_subsets.value_or(false);
  const std::vector<std::string> names =
      combine ? std::vector<std::string>{"valid"} : valid_subsets(options.valid_subset);
  if (!combine && !options.ignore_unused_valid_subsets) refuse_unused(*parts.task, names);
  for (const std::string& name : names) {
    const auto dataset = parts.task->load(name, /*epoch=*/1, combine);
    BatchList batches =
        EpochBatches(
            dataset,
            {.max_tokens = options.max_tokens_valid ? options.max_tokens_valid : options.max_tokens,
             .max_sentences = options.batch_size_valid ? options.batch_size_valid : options.batch_size,
             .required_batch_size_multiple = options.required_batch_size_multiple,
             .max_positions = max_positions(parts),
             .skip_invalid = options.skip_invalid_size_inputs_valid_test,
             .seed = common.seed})
            .batches(/*epoch=*/1, /*shuffle=*/false);
    refuse_empty(name, *dataset, batches, max_positions(parts));
    splits.push_back({name, dataset, std::move(batches)});
  }
  return splits;
}

void refuse_empty(const std::string& split, Dataset& dataset, const BatchList& batches,
                  std::int64_t max_positions) {
  if (!batches.empty()) return;
  std::int64_t shortest = 0;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    shortest = i == 0 ? dataset.length(i) : std::min(shortest, dataset.length(i));
  }
  const std::string have = "split '" + split + "' has no batches: ";
  if (dataset.size() == 0) throw Error(ExitCode::data, have + "it has no samples.");
  throw Error(ExitCode::data,
              have + "each of its " + std::to_string(dataset.size()) +
                  " samples is longer than allowed. The "
                  "shortest has " +
                  std::to_string(shortest) + " tokens, the model accepts " + std::to_string(max_positions) +
                  " (--max-target-positions). Cut the data with --tokens-per-sample " +
                  std::to_string(max_positions) + " or less, or raise --max-tokens if that is lower.");
}

}  // namespace nopos::engine
