#pragma once
/// Linear layers; their parameters are named "weight" and "bias", as in checkpoints.

#include <torch/nn/module.h>

#include <cstdint>

#include "nopos/nn/weight_noise.h"

namespace nopos {

class Linear : public torch::nn::Module, public NoisyWeight {
 public:
  /// Initialized by `init_linear_`; owners that want other weights draw again afterwards.
  Linear(std::int64_t in, std::int64_t out, bool with_bias = true);

  /// Tied: without bias, sharing the weight of another module. weight [out,in], or [in,out] if `transposed`.
  /// Draws no random numbers.
  explicit Linear(const at::Tensor& weight, bool transposed = false);

  /// x [...,in] -> [...,out], a new tensor that the caller may modify in place.
  at::Tensor forward(const at::Tensor& x) const;

  const at::Tensor& weight() const { return weight_; }
  const at::Tensor& bias() const { return bias_; }  ///< [out], or undefined
  bool tied() const { return tied_; }
  void pretty_print(std::ostream& stream) const override;

 private:
  at::Tensor weight_, bias_;
  bool tied_ = false, transposed_ = false;
};

}  // namespace nopos
