#pragma once
/// The kind `positional_encoding`: how a model learns the position of a token.
///
/// An encoding overrides the hooks that it needs; one that overrides none is `none` and costs nothing. In a
/// forward of T new tokens after S - T that a decoding state holds (training, evaluation: S = T) the SDK
/// calls
///
///   hook          how often   sees                               may
///   positions     once        tokens, documents                  say where each token stands
///   embed         once        x [B,T,C], scaled embeddings       change x
///   layer_input   per layer   x [B,T,C], the residual stream     change x
///   inputs        per layer   x [B,T,C], what q, k, v read       give each of q, k, v an input of its own
///   transform     per layer   q, k, v of the T tokens            change them: rotations, temperatures
///   scores        per layer   q [..T..], keys [..S..]            declare what is added to the scores
///
/// The terms that `scores` declares are data, so training, prompt chunks and single-token decoding all use
/// the same declaration, and the SDK picks a kernel for them. Hence: however a sequence is split into chunks,
/// the features equal those of one forward over the whole.
///
/// Hooks are called from one thread, on the device of the tokens, under the caller's grad mode. With
/// recomputation of activations a layer's hooks run twice, with the same random numbers. Tensors made in a
/// hook belong to that forward: keep none in members (`Forward::once` shares them between layers); members
/// hold parameters and constants. Random numbers are drawn from the default generators, in training only.
/// Parameters and buffers are registered on the module itself; in checkpoints they are saved under
/// `decoder.embed_positions.*`. A constructor draws random numbers only for its own parameters: the order of
/// draws is part of the contract.
///
/// `Declaration`, `Forward`, `Layer` and `Scores` are implemented by the SDK; member functions, further terms
/// and further interfaces beside this one (`AfterUpdate`) may be added within a major version.

#include <torch/nn/module.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nopos/plugin.h"

namespace nopos {

/// The model that an encoding is made for. The host makes it; fields may be added at the end.
struct ModelShape {
  std::int64_t embed_dim = 0;      ///< C
  std::int64_t heads = 0;          ///< H
  std::int64_t head_dim = 0;       ///< D, of queries and keys
  std::int64_t layers = 0;         ///< that have this encoding
  std::int64_t max_positions = 0;  ///< longest sequence that the model must accept
  std::int64_t padding_idx = 1;
  bool causal = true;             ///< false: every token sees every other
  std::int64_t key_heads = 0;     ///< Hk, of keys and values, a divisor of H; 0: H
  std::int64_t train_length = 0;  ///< tokens of a training sequence, whatever length is evaluated
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
  at::ScalarType type() const;  ///< what the model computes in; float32 in `positions`, which comes before

  const at::Tensor& tokens() const;     ///< [B,T] int64
  const at::Tensor& real() const;       ///< [B,T] bool, false for padding
  const at::Tensor& documents() const;  ///< [B,T] int64, or undefined: a row is one document
  /// [B,T] or [axes,B,T], int64 or float32, from 0: by default the tokens of the row, or of its document,
  /// that came before, padding not counted; without meaning for padding. In `positions`: as the encodings
  /// before this one left them.
  const at::Tensor& positions() const;
  /// [B,S] or [axes,B,S], those of earlier chunks too; not yet in `positions`
  const at::Tensor& key_positions() const;
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
  std::int64_t index() const;  ///< among the layers that have this encoding, from 0
  std::int64_t depth() const;  ///< among all layers with attention, from 0
  /// [B,T,C], what the maps to queries, keys and values read; the residual stream in `layer_input`.
  const at::Tensor& x() const;

  /// Of the queries and keys that `transform` is given: [B,T], or with axes [axes,B,T]. The two differ only
  /// after `Declaration::raw_keys`: keys are then those of all S tokens.
  const at::Tensor& query_positions() const;
  const at::Tensor& key_positions() const;

  /// values [B,T,...] -> [B,S,...]: those of all tokens so far. A decoding state keeps, reorders, truncates
  /// and saves them; names are the encoding's own. `last` at least 0: only that number of columns of
  /// earlier chunks, padding included, [B,min(last,S-T)+T,...].
  at::Tensor append(const std::string& name, const at::Tensor& values, std::int64_t last = -1);
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

/// Queries [B,H,T,D], keys [B,Hk,T,D], values [B,Hk,T,Dv]. In `inputs`: what each is made of, [B,T,C].
struct Heads {
  at::Tensor q, k, v;
};

// What `scores` declares. Scores are q·k * scale + what is declared, before the softmax. What a query may not
// see at all (later tokens, other documents, padding, outside the window) is decided by the SDK, not by the
// encoding. The distance of query i and key j is n = p_i - p_j, of their positions (of the first axis). Terms
// are floating-point numbers on the device of the model, with or without gradients. A table holds the
// distances first, first + 1, ...; the end values apply beyond both ends. Where positions are not integers a
// table is refused: \throws Error (configuration).

/// -slopes[h] * n: ALiBi and its relatives. With `symmetric` -slopes[h] * |n|, for models in which tokens see
/// later ones. Positions may be fractions.
struct SlopeBias {
  at::Tensor slopes;  ///< [H]
  bool symmetric = false;
};

/// values[h,n]
struct DistanceBias {
  at::Tensor values;       ///< [H,N] or [1,N]
  std::int64_t first = 0;  ///< below 0 for models in which tokens see later ones
};

/// queries[b,h,i] + keys[b,h,j]; each may be undefined, and have 1 for B or H.
struct OuterBias {
  at::Tensor queries;  ///< [B,H,T]
  at::Tensor keys;     ///< [B,H,S]
};

/// features[b,h,i,:] · table[h,n,:]: what a query asks of a distance. The features carry the scale.
struct RelativeTerm {
  at::Tensor features;  ///< [B,H,T,R]
  at::Tensor table;     ///< [H,N,R] or [1,N,R]
  std::int64_t first = 0;
};

/// features[b,h,j,:] · table[h,n,:]: what a key asks of a distance. The features carry the scale.
struct RelativeKeyTerm {
  at::Tensor features;  ///< [B,H,S,R]
  at::Tensor table;     ///< [H,N,R] or [1,N,R]
  std::int64_t first = 0;
};

/// The result of query i is the sum over j of weight[i,j] * (v_j + table[h,n,:]).
struct RelativeValues {
  at::Tensor table;  ///< [H,N,Dv] or [1,N,Dv]
  std::int64_t first = 0;
};

/// Some queries, and all keys.
struct Tile {
  at::Tensor query_positions;  ///< [B,t] or, where all rows are alike, [1,t]; with axes [axes,B|1,t]
  at::Tensor key_positions;    ///< [B,S] or [1,S]; with axes [axes,B|1,S]
  at::Tensor q;                ///< [B,H,t,D]
  at::Tensor scores;           ///< [B,H,t,S], -inf where a query does not see a key; undefined in a DenseBias
};

/// Anything else that is added: [B,H,t,S], each of B and H may be 1. Called once for each tile of the
/// forward; t is a part of T or all of it. No side effects. The function may capture the `Forward`, but
/// neither `Layer` nor `Scores`, which end with the hook, and must not call `Forward::once`.
struct DenseBias {
  std::function<at::Tensor(const Tile& tile)> values;
};

/// The scores of one layer, before the softmax.
class Scores {
 public:
  const at::Tensor& q() const;  ///< [B,H,T,D], transformed
  const at::Tensor& k() const;  ///< [B,Hk,S,D], transformed, those of earlier chunks too
  double scale() const;         ///< of q·k: 1/sqrt(D) of the model's shape, or what was set

  void scale(double factor);
  /// A query sees keys fewer than `tokens` tokens away; of several windows the smallest holds.
  /// \throws Error (runtime) below 1
  void window(std::int64_t tokens);

  void add(const SlopeBias& term);
  void add(const DistanceBias& term);
  void add(const OuterBias& term);
  void add(const RelativeTerm& term);
  void add(const RelativeKeyTerm& term);
  void add(const RelativeValues& term);
  void add(const DenseBias& term);

  // Changes of the formula itself, which is then computed tile by tile: slower, in combination with any term.
  // The functions have the duties of a DenseBias.
  /// -> new scores [B,H,t,S], from tile.scores. Several are called in order.
  void rescore(std::function<at::Tensor(const Tile& tile)> scores);
  /// -> the weights [B,H,t,S], instead of the softmax; 0 where tile.scores are -inf. One per layer.
  void normalize(std::function<at::Tensor(const Tile& tile)> weights);
  /// results [B,H,T,Dv] -> the same shape, before the heads are joined. Several are called in order.
  void then(std::function<at::Tensor(at::Tensor results)> change);

  explicit Scores(ScoresState& state) : state_(&state) {}
  Scores(const Scores&) = delete;
  Scores& operator=(const Scores&) = delete;
  ScoresState& state() const { return *state_; }

 private:
  ScoresState* state_;
};

/// What an encoding says once, in its constructor.
class Declaration {
 public:
  /// Longest sequence it can encode; longer ones are refused before any hook is called.
  Declaration& max_length(std::int64_t tokens);
  /// Refused, with the reason, in models in which every token sees every other.
  Declaration& needs_causal(const std::string& reason);
  /// A decoding state holds keys as the maps made them, and `transform` gets all of them in every chunk.
  Declaration& raw_keys();
  /// Something depends on `Forward::planned`: a sequence that outgrows its plan must be computed again.
  Declaration& depends_on_planned();
  /// The parameter stays in float32 in a model of a narrower type.
  Declaration& keeps_float32(const std::string& parameter);
  /// Optimizers leave the parameter out of weight decay.
  Declaration& no_weight_decay(const std::string& parameter);
  /// Worth looking at, for analyses, plots and tests.
  Declaration& table(const std::string& name, std::function<at::Tensor()> values);

  struct Data;  // the SDK's own
  Declaration();
  ~Declaration();
  Declaration(const Declaration&) = delete;
  Declaration& operator=(const Declaration&) = delete;
  Data& data() const { return *data_; }

 private:
  std::unique_ptr<Data> data_;
};

/// A tensor that is not a parameter: it keeps its type whatever the model computes in, is not saved, and is
/// available on every device. Copies share it. Any thread.
class Constant {
 public:
  Constant() = default;
  explicit Constant(at::Tensor value);
  /// The tensor on `device`, the same object every time. The constant must have a value.
  const at::Tensor& on(at::Device device) const;

 private:
  struct Copies;
  std::shared_ptr<Copies> copies_;
};

/// -> [B,T] int64: rows of a table of positions, as fairseq counts them. Padding gets row
/// `padding_idx`, a token at position p row padding_idx + 1 + p. \throws Error (configuration) where
/// positions are not integers, or have axes.
at::Tensor position_rows(const Forward& forward, std::int64_t padding_idx);

/// Which channels of x form a pair, of the first R.
enum class PairLayout {
  half,        ///< c and c + R/2: GPT-NeoX
  interleaved  ///< 2c and 2c + 1: Su et al. 2021, arXiv 2104.09864
};

/// x [B,H,T,D], angles [B,T,R/2] or [1,T,R/2], R <= D -> the shape and type of x: pairs of the first R
/// channels are rotated by the angles, computed in float32 or wider, and multiplied by `gain`.
at::Tensor rotated(const at::Tensor& x, const at::Tensor& angles, PairLayout layout, double gain = 1);

class PositionalEncoding : public torch::nn::Module {
 public:
  using Interface = PositionalEncoding;
  using Context = ModelShape;
  static constexpr const char* kind = "positional_encoding";
  static constexpr InterfaceVersion interface_version = kind_interface(kind);

  PositionalEncoding();
  ~PositionalEncoding() override;

  /// -> [B,T] or [axes,B,T], int64 or float32, or undefined: as forward.positions() has them.
  virtual at::Tensor positions(const Forward& forward);
  /// x [B,T,C], to be changed in place or not -> the same shape and type
  virtual at::Tensor embed(at::Tensor x, const Forward& forward);
  /// x [B,T,C], before the layer's norm -> the same shape and type; must not change x in place
  virtual at::Tensor layer_input(at::Tensor x, Layer& layer);
  /// x three times -> what q, k and v are made of, each [B,T,C]; must not change x in place
  virtual Heads inputs(Heads x, Layer& layer);
  /// Before scores are taken, and (unless `raw_keys`) before keys and values go into a decoding state -> the
  /// same shapes, except that D of q and k may change, alike; scale() stays 1/sqrt(D) of the model's shape.
  virtual Heads transform(Heads heads, Layer& layer);
  /// Declares what this layer adds to its scores.
  virtual void scores(Scores& scores, Layer& layer);

  const Declaration& declared() const { return declaration_; }

 protected:
  Declaration& declare() { return declaration_; }
  /// A constant that is also declared as a table.
  Constant constant(const std::string& name, at::Tensor value);

 private:
  Declaration declaration_;
};

// A further interface, found by dynamic_cast, for encodings that need it.

/// Told after each update of the optimizer, without gradients: the place to clamp parameters.
class AfterUpdate {
 public:
  virtual ~AfterUpdate();
  /// May change the module's own parameters in place; the optimizer's copies follow.
  virtual void after_update() = 0;
};

}  // namespace nopos
