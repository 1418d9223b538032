#pragma once
/// The model of the architecture here in the layout of OPT in transformers: names of tensors, and what has to
/// stand elsewhere there.
///
/// OPT adds a table of positions, of two rows more than the longest sequence, to embeddings that are not
/// multiplied by the square root of the width. So the factor goes into the embeddings, `none` gives a table
/// of zeros, `sinusoidal` one of sines.

#include <cstdint>
#include <string>
#include <vector>

#include "safetensors.h"

namespace nopos::host {

/// The name in OPT of a checkpoint's tensor; empty for one that has no place there.
std::string opt_name(const std::string& ours);

/// What is added at each position: [rows,dim], row 0 and 1 are for padding. `sines`: those of the encoding
/// `sinusoidal`; else zeros.
std::vector<float> position_table(std::int64_t rows, std::int64_t dim, bool sines);

/// Embeddings times `scale` in float32, as the model computes it.
std::vector<float> scaled(std::vector<float> numbers, double scale);

/// Which of the numbers next to each other gave `scaled`: for a factor that is no power of two the quotient
/// can miss by a place. \return for each the distance of the original from the quotient, in places.
std::vector<std::int8_t> places_off(const std::vector<float>& original, const std::vector<float>& scaled,
                                    double scale);
/// The quotients, moved by `places` where there are some.
std::vector<float> unscaled(std::vector<float> numbers, double scale, std::string_view places);

}  // namespace nopos::host
