#pragma once
/// A split of the data as the engine goes through it: its dataset and its batches.

#include <memory>
#include <string>
#include <vector>

#include "common_options.h"
#include "dataset_options.h"
#include "model/components.h"
#include "nopos/epoch_batches.h"

namespace nopos::engine {

/// A validation subset.
struct ValidationSplit {
  std::string name;
  std::shared_ptr<Dataset> dataset;
  BatchList batches;  ///< the same at every validation
};

/// The training split of `epoch`. \throws Error (data)
EpochBatches load_training_split(const Components& parts, const CommonOptions& common,
                                 const DatasetOptions& options, std::int64_t epoch);

/// The subsets of `--valid-subset`, in order. \throws Error (data) where one is missing, has samples that do
/// not fit the model, or where the data have validation splits that nobody asked for.
std::vector<ValidationSplit> load_validation_splits(const Components& parts, const CommonOptions& common,
                                                    const DatasetOptions& options);

/// \throws Error (data) where there are no batches, naming the length of the data and that of the model.
void refuse_empty(const std::string& split, Dataset& dataset, const BatchList& batches,
                  std::int64_t max_positions);

}  // namespace nopos::engine
