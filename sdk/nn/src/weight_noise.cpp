#include "nopos/nn/linear.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <functional>

#include "nopos/nn/recomputation.h"
#include "quantization_grid.h"

namespace nopos {
namespace {

constexpr std::int64_t forwards_per_grid = 1000;

using Change = std::function<at::Tensor(const at::Tensor&)>;

/// change(x), a new tensor of x's shape, in forward; backward takes it for `x`.
struct StraightThrough : torch::autograd::Function<StraightThrough> {
  // x [...] -> [...]
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& x, const Change& change) {
    return change(x);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 torch::autograd::variable_list grads) {
    return {grads[0], at::Tensor()};
  }
};

class DroppedBlocks final : public WeightNoise {
 public:
  DroppedBlocks(double p, std::int64_t block_size) : p_(p), block_size_(block_size) {}

  at::Tensor weight(const at::Tensor& weight, bool training) override {
    // weight [R,C] -> [R,C]
    if (!training) return weight;
    return StraightThrough::apply(weight, [this](const at::Tensor& whole) {
      const at::Tensor blocks = whole.reshape({whole.size(0), -1, block_size_});
      const at::Tensor dropped = at::zeros({blocks.size(0), blocks.size(1)}, blocks.options()).bernoulli_(p_);
      return blocks.masked_fill(dropped.to(at::kBool).unsqueeze(2), 0).mul_(1 / (1 - p_)).view(whole.sizes());
    });
  }

 private:
  double p_;
  std::int64_t block_size_;
};

/// Values that are rounded to a grid, which is laid through them now and then.
class Rounding {
 public:
  /// x [...] -> the same shape: clamped to the grid's ends, and each element on a step of the grid with
  /// probability `p`.
  at::Tensor operator()(const at::Tensor& x, double p) {
    const at::Tensor values = x.detach();
    if (!recomputing() && forwards_++ % forwards_per_grid == 0) grid_ = quantization_grid(values);
    const at::Tensor kept = at::zeros_like(values).bernoulli_(1 - p).to(at::kBool);
    const at::Tensor clamped = x.clamp(grid_.lowest(), grid_.highest());
    return StraightThrough::apply(
        clamped, [&](const at::Tensor& plain) { return at::where(kept, plain, grid_.rounded(values)); });
  }

 private:
  QuantizationGrid grid_;
  std::int64_t forwards_ = 0;
};

class RoundedWeights final : public WeightNoise {
 public:
  explicit RoundedWeights(double p) : p_(p) {}

  at::Tensor weight(const at::Tensor& weight, bool training) override {
    return weights_(weight, training ? p_ : 1);
  }
  at::Tensor output(const at::Tensor& y, bool training) override { return outputs_(y, training ? 0 : 1); }

 private:
  double p_;
  Rounding weights_, outputs_;
};

}  // namespace

std::shared_ptr<WeightNoise> dropped_blocks(double p, std::int64_t block_size) {
  return std::make_shared<DroppedBlocks>(p, block_size);
}

std::shared_ptr<WeightNoise> rounded_weights(double p) { return std::make_shared<RoundedWeights>(p); }

}  // namespace nopos
