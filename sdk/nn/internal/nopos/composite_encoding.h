#pragma once
/// Several encodings combined, for `--positional-encoding a+b`.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nopos/positional_encoding.h"

namespace nopos {

/// Names and encodings in the user's order -> one encoding: positions and transforms run one after the other,
/// each on what the one before made; what they add to embeddings and scores is summed; the shortest limit
/// holds. Parameters and buffers stay flat, as if there were one encoding; none gives the encoding that does
/// nothing. \throws Error (configuration) where two of them use the same name for a parameter or buffer.
///
/// The result checks what every hook returns (shape, type, device; with `shape` also the model's dimensions).
/// \throws Error (runtime) from the hooks, naming plugin, hook, layer, and both shapes
std::shared_ptr<PositionalEncoding> compose(
    std::vector<std::pair<std::string, std::shared_ptr<PositionalEncoding>>> encodings,
    const ModelShape& shape = {});

}  // namespace nopos
