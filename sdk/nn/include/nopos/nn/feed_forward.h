#pragma once
/// The position-wise part of a transformer layer: two maps with an activation between them.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nopos/nn/layer_norm.h"
#include "nopos/nn/linear.h"

namespace nopos {

enum class Activation { relu, gelu, gelu_tanh, tanh, linear };

/// The reference's names: relu, gelu (exact), gelu_fast and gelu_accurate (both the tanh approximation),
/// tanh, linear.
std::vector<std::string> activation_names();
Activation activation(std::string_view name);

/// A tensor of any shape -> the same shape; may work in place.
at::Tensor activate(at::Tensor x, Activation activation);

/// Not a module of its own: checkpoints keep "fc1" and "fc2" directly below the layer.
struct FeedForward {
  std::shared_ptr<Linear> fc1, fc2;
  Activation activation = Activation::relu;
  double dropout = 0;                     ///< after the activation
  std::shared_ptr<LayerNorm> inner_norm;  ///< after the dropout, where there is one; registered by the owner

  /// Registers "fc1" and "fc2" on `layer`, drawing their weights in that order.
  FeedForward(torch::nn::Module& layer, std::int64_t dim, std::int64_t inner_dim, Activation activation,
              double dropout);

  /// x [...,dim] -> [...,dim]
  at::Tensor forward(const at::Tensor& x, bool training) const;
};

}  // namespace nopos
