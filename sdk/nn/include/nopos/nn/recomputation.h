#pragma once
/// Activation checkpointing: what a layer computes is thrown away in forward and computed again in backward,
/// so that memory holds one layer's activations instead of all. Chen et al. 2016, arXiv 1604.06174.

#include <ATen/core/Tensor.h>

#include <functional>

namespace nopos {

/// `layer` of x [...], whose activations are not kept. Backward calls `layer` once more, with the random
/// numbers that forward drew, and leaves the generators as it found them: gradients and later draws are those
/// of `layer(x)`, bit for bit. Without gradients, or where `x` has none, it is `layer(x)` itself.
///
/// What `layer` refers to must live until backward is done. `offload` keeps x in the memory of the processor
/// where it lies on a GPU.
at::Tensor with_recomputation(const at::Tensor& x, std::function<at::Tensor(const at::Tensor&)> layer,
                              bool offload = false);

/// True while backward runs a layer again, in this thread: what must happen once per forward looks here.
bool recomputing();

}  // namespace nopos
