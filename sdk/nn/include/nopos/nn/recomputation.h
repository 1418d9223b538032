#pragma once
/// Activation checkpointing: a layer's activations are discarded in forward and computed again in backward,
/// so that memory holds those of one layer instead of all. Chen et al. 2016, arXiv 1604.06174.

#include <ATen/core/Tensor.h>

#include <functional>

namespace nopos {

/// Computes `layer(x)`, x [...], without keeping its activations. Backward calls `layer` again, replays the
/// random numbers of forward and then restores the generators: gradients and later draws equal those of plain
/// `layer(x)`, bit for bit. If no gradient is needed, this is `layer(x)` itself.
///
/// Whatever `layer` refers to must live until backward is done. `offload` keeps x in host memory if it is on
/// a GPU.
at::Tensor with_recomputation(const at::Tensor& x, std::function<at::Tensor(const at::Tensor&)> layer,
                              bool offload = false);

/// True while backward recomputes a layer in this thread; for side effects that must happen once per forward
/// pass.
bool recomputing();

}  // namespace nopos
