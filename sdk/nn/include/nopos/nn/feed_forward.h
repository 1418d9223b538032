#pragma once
/// The feed-forward block of a transformer layer: two linear layers with an activation between them, or three
/// of which one is a gate.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nopos/nn/layer_norm.h"
#include "nopos/nn/linear.h"

namespace nopos {

enum class Activation { relu, gelu, gelu_tanh, tanh, linear, silu };

/// fairseq's names, silu is none of them: relu, gelu (exact), gelu_fast and gelu_accurate (both use the tanh
/// approximation), tanh, linear.
std::vector<std::string> activation_names();
Activation activation(std::string_view name);

/// x [...] -> same shape; may modify `x` in place.
at::Tensor activate(at::Tensor x, Activation activation);

/// Not a module itself: in checkpoints "fc1" and "fc2" are directly below the layer.
struct FeedForward {
  std::shared_ptr<Linear> fc1, fc2;
  Activation activation = Activation::relu;
  double dropout = 0;                     ///< after the activation
  std::shared_ptr<LayerNorm> inner_norm;  ///< after the dropout; null: none. Registered by the owner

  /// Registers "fc1" and "fc2" on `layer`, initializing their weights in that order.
  FeedForward(torch::nn::Module& layer, std::int64_t dim, std::int64_t inner_dim, Activation activation,
              double dropout);

  /// x [...,dim] -> [...,dim]
  at::Tensor forward(const at::Tensor& x, bool training) const;
};

/// down(activation(gate(x)) * up(x)): GLU and its variants, SwiGLU with silu. Shazeer 2020, arXiv 2002.05202.
/// The maps "gate_proj", "up_proj" and "down_proj" have no biases.
class GatedFeedForward : public torch::nn::Module {
 public:
  /// `dropout` is applied before the last map.
  GatedFeedForward(std::int64_t dim, std::int64_t inner_dim, Activation activation, double dropout = 0);

  /// x [...,dim] -> [...,dim]
  at::Tensor forward(const at::Tensor& x) const;

 private:
  std::shared_ptr<Linear> gate_, up_, down_;
  Activation activation_;
  double dropout_;
};

}  // namespace nopos
