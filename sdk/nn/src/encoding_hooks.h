#pragma once
/// Calls of the encodings' hooks, in order, each checked and marked as its plugin's.

#include <cstdint>

#include "forward_state.h"

namespace nopos {

/// Each encoding sees what the one before made of it.
void ask_positions(ForwardState& forward, const Forward& shown);
at::Tensor embedded(ForwardState& forward, const Forward& shown, at::Tensor x);

/// The encodings of one layer. Valid during its forward.
class LayerHooks {
 public:
  /// \throws Error (runtime) if the encodings were put together for fewer layers
  LayerHooks(ForwardState& forward, const Forward& shown, std::int64_t depth);

  /// x [B,T,C] -> [B,T,C]
  at::Tensor layer_input(const at::Tensor& x);
  /// x [B,T,C] -> what q, k and v are made of
  Heads inputs(const at::Tensor& x);
  /// Whether `transform` wants the keys and values of earlier chunks as the maps made them.
  bool raw_keys() const;
  /// x is what the maps read
  Heads transform(const at::Tensor& x, Heads heads);
  /// What is declared for transformed heads; `scale` is the model's.
  ScoresState scores(const at::Tensor& x, const Heads& heads, double scale);

 private:
  template <class Call>
  void for_each(const char* hook, const at::Tensor& x, const Call& call);

  ForwardState& forward_;
  const Forward& shown_;
  std::int64_t depth_;
  LayerEncodings encodings_;
  bool raw_keys_ = false;
};

}  // namespace nopos
