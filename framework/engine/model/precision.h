#pragma once
/// What `--bf16`, `--fp16` and their relatives make of a run.

#include "common_options.h"
#include "nopos/architecture.h"
#include "nopos/parameter_slab.h"

namespace nopos::engine {

/// How the optimizer's slab keeps the weights. \throws Error (configuration) for flags that exclude each
/// other.
WeightPrecision weight_precision(const CommonOptions& common);

/// One line for the log: what a precision other than float32 computes in on this processor; else empty.
std::string precision_notice(const CommonOptions& common);

/// Parameters and buffers of floating point become `type`; the tensors stay the same objects.
void convert(Architecture& model, at::ScalarType type);

}  // namespace nopos::engine
