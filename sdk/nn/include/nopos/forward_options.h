#pragma once
/// What else a forward of a model does beside giving features: remember, and be watched.

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "nopos/decoding_state.h"

namespace nopos {

/// Sees what happens inside a forward. Called in the thread of the forward, in the order of the layers; what
/// it is given belongs to the forward, gradients included. Layers are those with attention, from 0.
class Observer {
 public:
  virtual ~Observer() = default;

  /// The residual stream [B,T,C]: what goes into the first layer (depth 0), and what comes out of layer
  /// depth - 1; after the last, before the model's final norm.
  virtual void hidden(std::int64_t depth, const at::Tensor& x) { (void)depth, (void)x; }

  /// Whether `weights` of this layer are wanted. They cost the layer its fast path.
  virtual bool wants_weights(std::int64_t layer) const {
    (void)layer;
    return false;
  }
  /// The attention weights [B,H,T,S] of a layer, before dropout; each row sums up to 1. Not called again
  /// where backward computes a layer once more.
  virtual void weights(std::int64_t layer, const at::Tensor& weights) { (void)layer, (void)weights; }
};

/// Made by the host, handed over by reference; fields are added at the end.
struct ForwardOptions {
  /// The batch continues the sequences that it holds, and holds the batch's tokens too once the forward is
  /// done; one that fails leaves it as it was. Null: every row begins anew.
  DecodingState* state = nullptr;
  Observer* observer = nullptr;
  bool last_only = false;  ///< features of each row's last token that is not padding alone, [B,1,C]
};

}  // namespace nopos
