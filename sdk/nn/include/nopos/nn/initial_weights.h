#pragma once
/// Initial weights. The reference draws most of them twice: once when a module is made, once when its owner
/// initialises it. Both draws belong to the contract: with the same seed the weights are the reference's,
/// bit for bit, and so is every later random number. All functions work in place, without gradients, and draw
/// from the default CPU generator.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace nopos {

/// While one lives, the functions below leave weights as they are and draw nothing in this thread: for a
/// model whose weights are replaced at once. Memory that nobody writes to costs nothing.
class NoInitialWeights {
 public:
  NoInitialWeights();
  ~NoInitialWeights();
  NoInitialWeights(const NoInitialWeights&) = delete;
  NoInitialWeights& operator=(const NoInitialWeights&) = delete;
};

/// weight [out,in], bias [out] or undefined: both uniform in ±1/sqrt(in); the weight first.
void init_linear_(at::Tensor weight, at::Tensor bias);

/// weight [out,in]: uniform in ±gain·sqrt(6 / (in + out)). Glorot, Bengio 2010, section 4.2.1.
void init_xavier_(at::Tensor weight, double gain = 1);

/// weight [rows,dim]: normal with deviation dim^-1/2; then row `zero_row`, if any, is zeroed.
void init_embedding_(at::Tensor weight, std::optional<std::int64_t> zero_row);

/// -> [rows,dim], standard normal: what an embedding holds before `init_embedding_`.
at::Tensor fresh_embedding(std::int64_t rows, std::int64_t dim);

}  // namespace nopos
