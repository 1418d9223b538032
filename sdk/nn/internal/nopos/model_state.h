#pragma once
/// The tensors of a model in fairseq's order: for each module its parameters, then its buffers, then its
/// children in order of registration.

#include <torch/nn/module.h>

#include "nopos/forward_pass.h"

namespace nopos {

/// All parameters and buffers, by full name. A tensor shared by several modules appears under each of its
/// names.
NamedTensors named_state(const torch::nn::Module& model);

/// The parameters that require gradients, each once, under its first name.
NamedTensors trainable_parameters(const torch::nn::Module& model);

}  // namespace nopos
