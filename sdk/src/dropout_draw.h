#pragma once
/// What dropout chooses on the CPU, known by a key: the same key and places give the same choice, so backward
/// needs no mask of forward, and several threads choose at once.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nopos {

/// One draw from the default CPU generator, whose state checkpoints keep.
std::int64_t draw_dropout_key();

/// x [...] on the CPU -> the same shape, contiguous: element i is zero or dropout_scale(p) times itself, as
/// `key` and i say; which threads work does not matter.
at::Tensor dropped(const at::Tensor& x, double p, std::int64_t key);

/// The same of max(x, 0), in one pass.
at::Tensor dropped_relu(const at::Tensor& x, double p, std::int64_t key);

}  // namespace nopos
