#pragma once
/// The tensors of a model in the reference's order: module by module, each with its own parameters, then its
/// own buffers, then its children as they were registered.

#include <torch/nn/module.h>

#include <string>
#include <utility>
#include <vector>

namespace nopos {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Everything that a checkpoint keeps, by full name. A tensor that several modules share stands under each of
/// its names.
NamedTensors named_state(const torch::nn::Module& model);

/// What an optimizer sees: parameters that require gradients, each once, under its first name.
NamedTensors trainable_parameters(const torch::nn::Module& model);

}  // namespace nopos
