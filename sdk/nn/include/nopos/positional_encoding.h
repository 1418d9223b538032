#pragma once
/// The kind `positional_encoding`: how a model learns the position of a token.
///
/// An encoding overrides only the hooks it needs; `none` overrides nothing. In each forward pass the
/// architecture calls `embed` once; in every layer the SDK's attention calls `transform` and adds the
/// declared `bias`.
///
///   declaration             `traits`
///   positions               `positions`
///   added to embeddings     `embed`
///   queries and keys        `transform`
///   attention scores        `bias`
///   chunked sequences       `PositionContext::past_length`: where the chunk starts
///   introspection           `tables`
///
/// Parameters and buffers are registered on the module itself; in checkpoints their names begin with
/// `decoder.embed_positions.`. Hooks are called from one thread, in the caller's grad mode. A constructor
/// draws random numbers only for its own parameters: the order of draws is part of the contract.

#include <torch/nn/module.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nopos/attention_bias.h"
#include "nopos/plugin.h"

namespace nopos {

/// The model that an encoding is made for.
struct ModelShape {
  std::int64_t embed_dim = 0;  ///< C
  std::int64_t heads = 0;      ///< H
  std::int64_t head_dim = 0;   ///< D
  std::int64_t layers = 0;
  std::int64_t max_positions = 0;  ///< longest sequence that the model must accept
  std::int64_t padding_idx = 1;
};

/// The tokens of one forward pass and their positions.
struct PositionContext {
  at::Tensor tokens = {};        ///< [B,T] int64
  std::int64_t past_length = 0;  ///< tokens of the sequence before this chunk
  std::int64_t padding_idx = 1;
  at::Tensor document_ids = {};     ///< [B,T] or undefined
  at::Tensor given_positions = {};  ///< [B,T] or undefined: positions given by the batch

  std::int64_t batch_size() const { return tokens.size(0); }
  std::int64_t length() const { return tokens.size(1); }
};

/// -> [B,T] int64: rows of a position table, numbered as in fairseq. Padding gets row `padding_idx`, the
/// other tokens of a sequence padding_idx + 1, padding_idx + 2, ..., not counting padding.
at::Tensor position_rows(const PositionContext& context);

class PositionalEncoding : public torch::nn::Module {
 public:
  using Interface = PositionalEncoding;
  using Context = ModelShape;
  static constexpr const char* kind = "positional_encoding";
  static constexpr InterfaceVersion interface_version = kind_interface(kind);

  struct Traits {
    std::optional<std::int64_t> max_length;  ///< longest sequence it can encode; nullopt: unlimited
  };

  virtual Traits traits() const { return {}; }

  /// -> [B,T] int64: the position of every token, from 0. A helper for the encoding's own hooks; the SDK's
  /// attention counts positions from past_length itself.
  virtual at::Tensor positions(const PositionContext& context) const;

  /// -> [B,T,C], added to the (already scaled) token embeddings; undefined: nothing is added.
  virtual at::Tensor embed(const PositionContext& context) {
    (void)context;
    return {};
  }

  /// q [B,H,T,D], k [B,H,T,D] of the tokens of `context`, before scores are computed -> same shapes.
  virtual std::pair<at::Tensor, at::Tensor> transform(at::Tensor q, at::Tensor k,
                                                      const PositionContext& context, std::int64_t layer) {
    (void)context, (void)layer;
    return {std::move(q), std::move(k)};
  }

  /// The bias that layer `layer` adds to its scores. Called once per forward pass and layer; should be cheap.
  virtual AttentionBias bias(std::int64_t layer) const {
    (void)layer;
    return {};
  }

  /// Named tensors for inspection and analysis (slopes, frequency tables).
  virtual std::vector<std::pair<std::string, at::Tensor>> tables() const { return {}; }
};

}  // namespace nopos
