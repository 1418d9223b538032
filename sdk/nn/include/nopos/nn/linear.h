#pragma once
/// Affine maps that name their parameters "weight" and "bias", as checkpoints do.

#include <torch/nn/module.h>

#include <cstdint>

#include "nopos/nn/weight_noise.h"

namespace nopos {

class Linear : public torch::nn::Module, public NoisyWeight {
 public:
  /// Initialised by `init_linear_`; owners that want other weights draw again afterwards.
  Linear(std::int64_t in, std::int64_t out, bool with_bias = true);

  /// Tied: a bias-free map by a weight that another module owns too. weight [out,in], or [in,out] where
  /// `transposed`. Nothing is drawn.
  explicit Linear(const at::Tensor& weight, bool transposed = false);

  /// x [...,in] -> [...,out], a tensor of its own: the caller may change it in place.
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
