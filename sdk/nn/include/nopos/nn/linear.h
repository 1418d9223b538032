#pragma once
/// Linear layers, and noise on weights. Their parameters are named "weight" and "bias", as in checkpoints.

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace nopos {

// Quantization noise: noise on the weights of linear layers and embeddings in training, so that the model
// can be quantized later. Fan, Stock et al. 2020, arXiv 2004.07320.

/// One kind of weight noise for one module, with a straight-through gradient.
class WeightNoise {
 public:
  virtual ~WeightNoise() = default;

  /// weight [rows,columns] -> the weight to use in this forward pass
  virtual at::Tensor weight(const at::Tensor& weight, bool training) = 0;

  /// y, the output of the module -> the output to return
  virtual at::Tensor output(const at::Tensor& y, bool training) {
    (void)training;
    return y;
  }
};

/// For product quantization: in training, each block of `block_size` consecutive elements of a row is zeroed
/// with probability `p` < 1, and the others are multiplied by 1/(1-p). Draws one random number per block.
std::shared_ptr<WeightNoise> dropped_blocks(double p, std::int64_t block_size);

/// For 8-bit integers: in training, each weight is rounded to the quantization grid with probability `p`; in
/// evaluation, all weights and the module's output are rounded. The range of the grid minimizes the
/// quantization error (estimated from a histogram of 2,048 bins) and is updated every 1,000 forward passes.
/// Draws one random number per weight and per element of the output, also in evaluation, as fairseq does.
std::shared_ptr<WeightNoise> rounded_weights(double p);

/// Base class of modules whose weights can have noise.
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
