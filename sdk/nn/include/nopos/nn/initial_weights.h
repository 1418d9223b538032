#pragma once
/// Weight initialization. fairseq draws most weights twice: when a module is constructed and when its owner
/// initializes it. Both draws are part of the contract: with the same seed, the weights and all later random
/// numbers equal fairseq's, bit for bit. All functions work in place, without gradients, and draw from the
/// default CPU generator.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace nopos {

/// While one exists, the functions below do nothing in this thread: for a model whose weights will be
/// replaced. Memory that is never written costs nothing.
class NoInitialWeights {
 public:
  NoInitialWeights();
  ~NoInitialWeights();
  NoInitialWeights(const NoInitialWeights&) = delete;
  NoInitialWeights& operator=(const NoInitialWeights&) = delete;
};

/// weight [out,in], bias [out] or undefined: both uniform in ±1/sqrt(in); the weight is drawn first.
void init_linear_(at::Tensor weight, at::Tensor bias);

/// weight [out,in]: uniform in ±gain·sqrt(6 / (in + out)). Glorot, Bengio 2010, section 4.2.1.
void init_xavier_(at::Tensor weight, double gain = 1);

/// weight [rows,dim]: normal with standard deviation dim^-1/2; then `zero_row`, if given, is set to zero.
void init_embedding_(at::Tensor weight, std::optional<std::int64_t> zero_row);

/// -> [rows,dim], standard normal: the state of an embedding before `init_embedding_`.
at::Tensor fresh_embedding(std::int64_t rows, std::int64_t dim);

}  // namespace nopos
