#pragma once
/// What dropout chooses on the CPU: known by a key, from which the same choice is made anew, so that backward
/// needs no mask of forward, and several threads choose at once.

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>

namespace nopos {

struct DropoutChoice {
  std::int64_t key = 0;
  at::Tensor mask;  ///< bool, of ATen's drawing, instead of the key where the lever `dropout_keys` is off
};

/// Draws from the default CPU generator, whose state checkpoints keep: what becomes of the elements of `x`.
DropoutChoice choose(const at::Tensor& x, double p);

/// x [...] on the CPU -> the same shape, contiguous: element i is zero or dropout_scale(p) times itself, as
/// `choice` and i say; which threads work does not matter.
at::Tensor dropped(const at::Tensor& x, double p, const DropoutChoice& choice);

/// The same of max(x, 0), in one pass.
at::Tensor dropped_relu(const at::Tensor& x, double p, const DropoutChoice& choice);

/// A key for `dropout_row`, drawn as `choose` draws.
std::int64_t draw_dropout_key();

/// Of the weights of attention: what those of one query, which is row `row` of B·H·T, and the keys in columns
/// [begin, begin + size) are multiplied by, 0 or dropout_scale(p). A number depends on nothing but key, row
/// and column.
void dropout_row(std::int64_t key, double p, std::int64_t row, std::int64_t begin, std::int64_t size,
                 float* factors);

/// The same of the queries [begin, begin + t) of weights [B,H,T,S] -> [B,H,t,S] of float32 on the CPU
at::Tensor dropout_rows(std::int64_t key, double p, at::IntArrayRef sizes, std::int64_t begin,
                        std::int64_t t);

}  // namespace nopos
