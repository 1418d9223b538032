#pragma once
/// One forward of a model, as its attention and its encodings see it: positions, real tokens, documents and
/// what each query sees are formed here, once. An architecture makes one at the beginning of `features`:
///
///     ForwardPass pass(*encoding_, masks_, batch, {.padding_idx = 1}, options);
///     at::Tensor x = embedding(batch.tokens);
///     if (const at::Tensor added = pass.embedding(); added.defined()) x.add_(added);
///     pass.hidden(0, x);
///     for (layer...) { x = ... attention.forward(x, pass, layer) ...; pass.hidden(layer + 1, x); }
///     x = pass.finish(x);

#include <cstdint>
#include <memory>

#include "nopos/batch.h"
#include "nopos/forward_options.h"
#include "nopos/positional_encoding.h"

namespace nopos {

class BiasMasks;

class ForwardPass {
 public:
  struct Model {
    std::int64_t padding_idx = 1;
    bool causal = true;           ///< false: every token sees every other of its document
    std::int64_t window = 0;      ///< a query sees keys less than so many columns away; 0: any
    const void* model = nullptr;  ///< as DecodingState::Shape has it
  };

  /// Asks the encoding for its positions. What is handed over lives as long as this does, backward included.
  /// \throws Error (runtime) where the options' state does not fit the batch: another number of rows, other
  /// samples, another model, documents in some chunks only, more columns than planned
  ForwardPass(PositionalEncoding& encoding, BiasMasks& masks, const Batch& batch, const Model& model,
              const ForwardOptions& options = {});
  ~ForwardPass();
  ForwardPass(const ForwardPass&) = delete;
  ForwardPass& operator=(const ForwardPass&) = delete;

  const Forward& forward() const;
  PositionalEncoding& encoding() const;
  const ForwardOptions& options() const;

  /// What the encoding adds to the token embeddings, [B,T,C], or undefined.
  at::Tensor embedding() const;
  /// What the encoding makes of queries, keys and values, each [B,H,T,D], that layer `layer` made of x
  /// [B,T,C].
  Heads transformed(std::int64_t layer, const at::Tensor& x, Heads heads) const;
  /// What the encoding declares for the scores of q and k in layer `layer`; x, q and k may be undefined where
  /// it needs none.
  AttentionBias declared(std::int64_t layer, const at::Tensor& x = {}, const at::Tensor& q = {},
                         const at::Tensor& k = {}) const;

  /// Shows the residual stream to the observer, where there is one.
  void hidden(std::int64_t depth, const at::Tensor& x) const;
  /// After the last layer: x [B,T,C] -> the columns that are wanted, [B,T,C] or [B,1,C]; the state now holds
  /// this chunk.
  at::Tensor finish(const at::Tensor& x);
  /// Forgets tensors that belong to a graph: called before and after a layer that is recomputed.
  void forget();

  ForwardState& state() const { return *state_; }  // the SDK's own

 private:
  std::unique_ptr<ForwardState> state_;
  Forward forward_;
};

}  // namespace nopos
