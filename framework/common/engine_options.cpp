#include "engine_options.h"

#include "checkpoint_options.h"
#include "common_options.h"
#include "dataset_options.h"
#include "distributed_options.h"
#include "ema_options.h"
#include "optimization_options.h"

namespace nopos {
namespace {

template <class... Groups>
std::vector<OptionGroup> described() {
  return {OptionGroup{Groups::group, describe_options<Groups>()}...};
}

}  // namespace

const std::vector<OptionGroup>& engine_option_groups() {
  static const auto groups = described<CommonOptions, DatasetOptions, DistributedOptions, OptimizationOptions,
                                       CheckpointOptions, EmaOptions>();
  return groups;
}

}  // namespace nopos
