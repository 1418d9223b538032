#pragma once
/// Noise on the weights of maps and tables while training, so that the model bears being quantised later.
/// Fan, Stock et al. 2020, arXiv 2004.07320.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace nopos {

/// One sort of noise of one module. Gradients go straight through it, to the weight as it is.
class WeightNoise {
 public:
  virtual ~WeightNoise() = default;

  /// weight [rows,columns] -> what the module computes with in this forward
  virtual at::Tensor weight(const at::Tensor& weight, bool training) = 0;

  /// y, what the module computed -> what it returns
  virtual at::Tensor output(const at::Tensor& y, bool training) {
    (void)training;
    return y;
  }
};

/// For product quantisation: while training, each block of `block_size` neighbours in a row is zero with
/// probability `p` < 1, and the others are multiplied by 1/(1-p). Draws one number per block.
std::shared_ptr<WeightNoise> dropped_blocks(double p, std::int64_t block_size);

/// For integers of 8 bits: while training each weight is rounded to a step of the grid with probability `p`,
/// in evaluation all are, and the module's output too. The grid spans the part of the values' range that
/// loses least (a histogram of 2,048 bins), found anew after every 1,000 forwards. Draws one number per
/// weight and one per element of the output, also in evaluation, as the reference does.
std::shared_ptr<WeightNoise> rounded_weights(double p);

/// What a module inherits whose weight may get noise.
class NoisyWeight {
 public:
  virtual ~NoisyWeight() = default;
  void add_noise(std::shared_ptr<WeightNoise> noise) { noise_.push_back(std::move(noise)); }
  bool has_noise() const { return !noise_.empty(); }

 protected:
  at::Tensor noisy_weight(at::Tensor weight, bool training) const {
    for (const auto& noise : noise_) weight = noise->weight(weight, training);
    return weight;
  }
  at::Tensor noisy_output(at::Tensor y, bool training) const {
    for (const auto& noise : noise_) y = noise->output(y, training);
    return y;
  }

 private:
  std::vector<std::shared_ptr<WeightNoise>> noise_;
};

}  // namespace nopos
