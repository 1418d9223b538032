#pragma once
/// The kind `positional_encoding`: how a model knows where a token stands.
///
/// An encoding overrides the hooks that it needs and no others; `none` overrides nothing. The architecture
/// calls, once per forward, `embed`; in every layer the SDK's attention calls `transform` and adds the
/// declared `bias`.
///
///   group 0  declaration             `traits`
///   group 1  positions               `positions`
///   group 2  additive                `embed`
///   group 4  queries and keys        `transform`
///   group 6  attention scores        `bias`
///   group 9  decoding                `PositionContext::past_length`: every hook sees where the chunk starts
///   group 11 introspection           `tables`
///
/// Parameters and buffers are registered on the module itself; in checkpoints they stand under
/// `decoder.embed_positions.*`. Hooks are called from one thread; they run under the caller's grad mode.
/// A constructor draws random numbers only for its own parameters: the order of draws is part of the
/// contract.

#include <torch/nn/module.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nopos/attention_bias.h"
#include "nopos/plugin.h"

namespace nopos {

/// What an encoding may know about the model that it becomes part of.
struct ModelShape {
  std::int64_t embed_dim = 0;  ///< C
  std::int64_t heads = 0;      ///< H
  std::int64_t head_dim = 0;   ///< D
  std::int64_t layers = 0;
  std::int64_t max_positions = 0;  ///< longest sequence that the model must take
  std::int64_t padding_idx = 1;
};

/// The tokens of one forward, and where they stand.
struct PositionContext {
  at::Tensor tokens = {};        ///< [B,T] int64
  std::int64_t past_length = 0;  ///< tokens of the sequence that came before this chunk
  std::int64_t padding_idx = 1;
  at::Tensor document_ids = {};     ///< [B,T] or undefined
  at::Tensor given_positions = {};  ///< [B,T] or undefined: positions that the batch brings itself

  std::int64_t batch_size() const { return tokens.size(0); }
  std::int64_t length() const { return tokens.size(1); }
};

/// -> [B,T] int64: rows of a table of positions, as the reference counts them. Padding gets row
/// `padding_idx`, the other tokens of a sequence padding_idx + 1, padding_idx + 2, ..., counted without
/// padding.
at::Tensor position_rows(const PositionContext& context);

class PositionalEncoding : public torch::nn::Module {
 public:
  using Interface = PositionalEncoding;
  using Context = ModelShape;
  static constexpr const char* kind = "positional_encoding";
  static constexpr int interface_version = kind_interface(kind);

  struct Traits {
    std::optional<std::int64_t> max_length;  ///< longest sequence it can encode; nothing: any
  };

  virtual Traits traits() const { return {}; }

  /// -> [B,T] int64: the place of every token, from 0; what the other hooks of this encoding count by.
  virtual at::Tensor positions(const PositionContext& context) const;

  /// -> [B,T,C] to be added to the token embeddings (already scaled), or undefined: nothing to add.
  virtual at::Tensor embed(const PositionContext& context) {
    (void)context;
    return {};
  }

  /// q [B,H,T,D], k [B,H,T,D] of the tokens of `context`, before scores are taken -> the same shapes.
  virtual std::pair<at::Tensor, at::Tensor> transform(at::Tensor q, at::Tensor k,
                                                      const PositionContext& context, std::int64_t layer) {
    (void)context, (void)layer;
    return {std::move(q), std::move(k)};
  }

  /// What layer `layer` adds to its scores. Asked once per forward and layer; cheap.
  virtual AttentionBias bias(std::int64_t layer) const {
    (void)layer;
    return {};
  }

  /// Named tensors worth looking at (slopes, frequency tables), for `inspect` and analyses.
  virtual std::vector<std::pair<std::string, at::Tensor>> tables() const { return {}; }
};

}  // namespace nopos
