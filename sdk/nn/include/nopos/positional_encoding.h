#pragma once
/// The kind `positional_encoding`: how a model learns the position of a token.
///
/// An encoding overrides the hooks that it needs; one that overrides none is `none` and costs nothing. In a
/// forward of T new tokens after S - T that a decoding state holds (training, evaluation: S = T) the SDK
/// calls
///
///   hook        how often   sees                      may
///   positions   once        tokens, documents         say where each token stands
///   embed       once        tokens, positions         give what is added to the embeddings
///   transform   per layer   q, k, v of the T tokens   change them: rotations, temperatures
///   scores      per layer   q [..T..], keys [..S..]   declare what is added to the scores
///
/// The terms that `scores` declares are data, so training, prompt chunks and single-token decoding all use
/// the same declaration. Hence: however a sequence is split into chunks, the features equal those of one
/// forward over the whole.
///
/// Hooks are called from one thread, on the device of the tokens, under the caller's grad mode. With
/// recomputation of activations a layer's hooks run twice, with the same random numbers. Tensors made in a
/// hook belong to that forward: keep none in members (`Forward::once` shares them between layers); members
/// hold parameters and constants. Parameters and buffers are registered on the module itself; in checkpoints
/// they are saved under `decoder.embed_positions.*`. A constructor draws random numbers only for its own
/// parameters: the order of draws is part of the contract.
///
/// `Forward`, `Layer` and `Scores` are implemented by the SDK; member functions may be added later.

#include <torch/nn/module.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
  bool causal = true;  ///< false: every token sees every other
};

struct ForwardState;  // the SDK's own
struct LayerState;
struct ScoresState;

/// One forward; valid until it ends (with recomputation, until its backward ends).
class Forward {
 public:
  std::int64_t rows() const;    ///< B
  std::int64_t length() const;  ///< T, new tokens
  std::int64_t past() const;    ///< S - T, tokens of earlier chunks
  std::int64_t total() const;   ///< S
  /// Tokens that the sequence will have at most: S, or what the decoding state was made for. The same for all
  /// chunks of a sequence: the one length that frequencies and temperatures may depend on.
  std::int64_t planned() const;
  bool training() const;
  at::Device device() const;

  const at::Tensor& tokens() const;     ///< [B,T] int64
  const at::Tensor& real() const;       ///< [B,T] bool, false for padding
  const at::Tensor& documents() const;  ///< [B,T] int64, or undefined: a row is one document
  /// [B,T] int64 or float32, from 0: by default the tokens of the row, or of its document, that came before,
  /// padding not counted; without meaning for padding. In `positions`: as the encodings before this one left
  /// them.
  const at::Tensor& positions() const;
  const at::Tensor& key_positions() const;  ///< [B,S], those of earlier chunks too; not yet in `positions`
  /// True if p_i - p_j = i - j for every key j that query i may see: distances may then be counted in
  /// columns.
  bool regular() const;

  /// Calls `make` the first time `name` is requested in this forward and returns the same tensor afterwards
  /// (with recomputation: once per run of a layer). Names are private to the encoding.
  at::Tensor once(const std::string& name, const std::function<at::Tensor()>& make) const;

  explicit Forward(ForwardState& state) : state_(&state) {}
  Forward(const Forward&) = delete;
  Forward& operator=(const Forward&) = delete;
  ForwardState& state() const { return *state_; }

 private:
  ForwardState* state_;
};

/// One layer's part of a forward.
class Layer {
 public:
  const Forward& forward() const;
  std::int64_t index() const;   ///< among the layers with attention, from 0
  const at::Tensor& x() const;  ///< [B,T,C], what the maps to queries, keys and values read

  /// values [B,T,...] -> [B,S,...]: those of all tokens so far. A decoding state keeps, reorders, truncates
  /// and saves them; names are the encoding's own.
  at::Tensor append(const std::string& name, const at::Tensor& values);
  /// A tensor [B,...] that goes from chunk to chunk; undefined at first. A state that holds one can
  /// be truncated only to 0 columns.
  at::Tensor carried(const std::string& name) const;
  void carry(const std::string& name, at::Tensor value);

  explicit Layer(LayerState& state) : state_(&state) {}
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  LayerState& state() const { return *state_; }

 private:
  LayerState* state_;
};

/// Queries, keys and values of the new tokens, each [B,H,T,D].
struct Heads {
  at::Tensor q, k, v;
};

// What `scores` declares. Scores are q·k/sqrt(D) + what is declared, before the softmax. What a query may not
// see at all (later tokens, other documents, padding) is decided by the SDK, not by the encoding. The
// distance of query i and key j is p_i - p_j, of their positions. Tensors are floating-point numbers on the
// device of the model, with or without gradients. The masks of tensors without gradients are kept by tensor
// object: declare the same object in every forward and never change it in place.

/// -slopes[h] * distance: ALiBi and its relatives. With `symmetric` -slopes[h] * |distance|, for models in
/// which tokens see later ones.
struct SlopeBias {
  at::Tensor slopes;  ///< [H]
  bool symmetric = false;
};

/// One learned or fixed value per head and distance first, first + 1, ...; the end values apply beyond
/// both ends. \throws Error (configuration) if positions are not integers.
struct DistanceBias {
  at::Tensor values;       ///< [H,N] or [1,N]
  std::int64_t first = 0;  ///< below 0 for models in which tokens see later ones
};

/// queries[b,h,i] + keys[b,h,j]; each may be undefined, and have 1 for B or H.
struct OuterBias {
  at::Tensor queries;  ///< [B,H,T]
  at::Tensor keys;     ///< [B,H,S]
};

/// Some queries, and all keys.
struct Tile {
  at::Tensor query_positions;  ///< [B,t] or, where all rows are alike, [1,t]
  at::Tensor key_positions;    ///< [B,S] or [1,S]
  at::Tensor q;                ///< [B,H,t,D]
};

/// Anything else that is added: [B,H,t,S], each of B and H may be 1. Called during the forward, once for each
/// tile; t is a part of T or all of it. No side effects. The function may capture the `Forward`, but neither
/// `Layer` nor `Scores`, which end with the hook, and must not call `Forward::once`.
struct DenseBias {
  std::function<at::Tensor(const Tile& tile)> values;
};

/// The scores of one layer, before the softmax.
class Scores {
 public:
  const at::Tensor& q() const;  ///< [B,H,T,D], transformed
  const at::Tensor& k() const;  ///< [B,H,S,D], transformed, those of earlier chunks too

  void add(const SlopeBias& term);
  void add(const DistanceBias& term);
  void add(const OuterBias& term);
  void add(const DenseBias& term);

  explicit Scores(ScoresState& state) : state_(&state) {}
  Scores(const Scores&) = delete;
  Scores& operator=(const Scores&) = delete;
  ScoresState& state() const { return *state_; }

 private:
  ScoresState* state_;
};

/// -> [B,T] int64: rows of a table of positions, as fairseq counts them. Padding gets row
/// `padding_idx`, a token at position p row padding_idx + 1 + p. \throws Error (configuration) where
/// positions are not integers.
at::Tensor position_rows(const Forward& forward, std::int64_t padding_idx);

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

  /// -> [B,T] int64 or float32, or undefined: as forward.positions() has them.
  virtual at::Tensor positions(const Forward& forward) {
    (void)forward;
    return {};
  }

  /// -> [B,T,C] to be added to the token embeddings (already scaled), or undefined: nothing to add.
  virtual at::Tensor embed(const Forward& forward) {
    (void)forward;
    return {};
  }

  /// Before scores are taken, and before keys and values go into a decoding state -> the same shapes.
  virtual Heads transform(Heads heads, Layer& layer) {
    (void)layer;
    return heads;
  }

  /// Declares what this layer adds to its scores.
  virtual void scores(Scores& scores, Layer& layer) { (void)scores, (void)layer; }

  /// Named tensors worth looking at (slopes, frequency tables), for analyses and tests. `inspect` shows the
  /// `facts` of plugin.json instead.
  virtual std::vector<std::pair<std::string, at::Tensor>> tables() const { return {}; }
};

}  // namespace nopos
