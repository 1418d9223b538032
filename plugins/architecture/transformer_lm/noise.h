#pragma once

#include <torch/nn/module.h>

#include "options.h"

namespace transformer_lm {

/// Gives `decoder`'s maps and tables the quantization noise that `options` ask for. As in fairseq, the
/// maps of attention have none: it computes with their weights, past their noise.
/// \throws nopos::Error (configuration) where the blocks do not divide a weight's columns
void add_noise(torch::nn::Module& decoder, const Options& options);

}  // namespace transformer_lm
