#pragma once
/// A module's tensors by name, in the order in which fairseq saves them, and tensors as checkpoints
/// store them.

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nopos::engine {

using StateDict = std::vector<std::pair<std::string, at::Tensor>>;

/// Module by module: its own parameters, its own buffers, then its children. A tensor that stands in two
/// modules (tied embeddings) appears under both names.
StateDict state_dict(const torch::nn::Module& module);

/// "FloatStorage" for float and so on. \throws Error (runtime) for a type that checkpoints do not hold.
std::string storage_type(at::ScalarType type);
/// The inverse. \throws Error (data) naming `what`, for a type that is not known.
at::ScalarType scalar_type(std::string_view storage_type, std::string_view what);

}  // namespace nopos::engine
