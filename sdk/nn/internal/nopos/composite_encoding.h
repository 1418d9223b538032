#pragma once
/// Several encodings combined, for `--positional-encoding a+b`.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nopos/positional_encoding.h"

namespace nopos {

/// Combines encodings, named and in the user's order: embeddings and biases are summed, transforms of queries
/// and keys are applied in order, the smallest length limit holds, positions are those of the first.
/// Parameters and buffers keep their names, as with a single encoding; an empty list gives an encoding that
/// does nothing. \throws Error (configuration) if two of them use the same name for a parameter or buffer.
///
/// The result checks what every hook returns (shape, type, device; with `shape` also the model's dimensions).
/// \throws Error (runtime) from the hooks, naming plugin, hook, layer, and both shapes
std::shared_ptr<PositionalEncoding> compose(
    std::vector<std::pair<std::string, std::shared_ptr<PositionalEncoding>>> encodings,
    const ModelShape& shape = {});

}  // namespace nopos
