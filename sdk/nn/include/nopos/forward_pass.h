#pragma once
/// One forward of a model: what it does beside giving features (remember, and be watched), and how its
/// attention and its encodings see it. Positions, real tokens, documents and what each query sees are formed
/// here, once. An architecture makes one at the beginning of `features`:
///
///     ForwardPass pass(*encodings_, batch, {.padding_idx = 1, .model = this}, options);
///     at::Tensor x = pass.embed(embedding(batch.tokens));
///     pass.hidden(0, x);
///     for (layer...) {
///       x = pass.layer_input(layer, x);
///       x = ... attention.forward(x, pass, layer) ...;
///       pass.hidden(layer + 1, x);
///     }
///     x = pass.finish(x);

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "nopos/batch.h"
#include "nopos/positional_encoding.h"

namespace nopos {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// The positional encodings of a model: which layer has which, in what order, within which window. The host
/// makes them (Architecture::Context::make_encodings); an architecture registers the module as
/// `embed_positions`, where checkpoints of fairseq have the parameters of an encoding, and hands it to each
/// ForwardPass, which calls the hooks. What several encodings of a layer do adds up: positions, embeddings
/// and heads go through them in the user's order, terms are summed, the last scale and the smallest window
/// hold.
class Encodings : public torch::nn::Module, public AfterUpdate {
 public:
  struct Data;  // the SDK's own
  explicit Encodings(std::unique_ptr<Data> data);
  ~Encodings() override;

  /// Longest sequence that all of them can encode; nullopt: unlimited.
  std::optional<std::int64_t> max_length() const;
  /// Whether a sequence that outgrows the plan of its decoding state must be computed again.
  bool depends_on_planned() const;
  /// Parameters that stay in float32 whatever the model computes in, and those without weight decay.
  std::vector<at::Tensor> kept_in_float32() const;
  std::vector<at::Tensor> without_weight_decay() const;
  /// Named tensors worth looking at (slopes, frequency tables), for analyses and tests.
  NamedTensors tables() const;

  void train(bool on = true) override;
  void pretty_print(std::ostream& stream) const override;
  /// Whether an encoding wants to be told of updates.
  bool adjusts_after_update() const;
  void after_update() override;

  Data& data() const { return *data_; }

 private:
  std::unique_ptr<Data> data_;
};

/// What a model remembers of sequences that come in chunks: a prompt, then token by token.
///
///     const auto state = model.decoding_state(/*rows=*/2, /*planned=*/100);
///     at::Tensor x = model.features(prompt, {.state = state.get(), .last_only = true});
///     ...                                          // batches of one column each
///
/// For every split of the sequences into chunks the features are those of one forward over all of them.
/// Rows may be padded on the left or on the right, each chunk by itself: padding is seen by nobody and
/// counted nowhere. Use from one thread at a time; tensors are on the model's device.
class DecodingState {
 public:
  struct Shape {
    std::int64_t rows = 0;     ///< B
    std::int64_t planned = 0;  ///< columns, padding included, that will come at most
    std::int64_t layers = 0;   ///< with attention
    /// The model that it is for: another model's forward refuses it. Null: not checked.
    const void* model = nullptr;
  };

  /// Architectures make it, see Architecture::decoding_state. \throws Error (configuration) if rows or
  /// planned are below 1
  explicit DecodingState(const Shape& shape);
  ~DecodingState();
  DecodingState(const DecodingState&) = delete;
  DecodingState& operator=(const DecodingState&) = delete;

  std::int64_t rows() const;
  std::int64_t length() const;  ///< columns so far, padding included
  std::int64_t planned() const;

  /// Row b becomes what row rows[b] was; there may be more or fewer of them than before.
  /// rows [B'] int64, on the device of the model. \throws Error (runtime) for an index that is not a row
  void reorder(const at::Tensor& rows);
  /// Forgets all columns but the first `length`. -> false, and nothing changes, if an encoding carries a
  /// tensor from chunk to chunk and 0 < length < length(): the chunks must then be computed again. \throws
  /// Error (runtime) if there are fewer columns
  bool truncate(std::int64_t length);
  /// Plans for `planned` columns from now on. -> false, and nothing changes, if an encoding depends on what is
  /// planned and columns are held: the chunks must then be computed again. \throws Error (runtime) if more
  /// columns are held
  bool grow(std::int64_t planned);
  /// An independent state in which each row appears `copies` times in succession. \throws Error (runtime) if
  /// `copies` < 1
  std::shared_ptr<DecodingState> fork(std::int64_t copies = 1) const;

  /// All that it holds, as copies, to be written into a file.
  NamedTensors tensors() const;
  /// What `tensors` gave, of a state of the same model and the same number of rows. \throws Error (data)
  /// naming the tensor that does not belong here, or if it holds more columns than are planned; the state is
  /// then unchanged
  void restore(const NamedTensors& tensors);

  struct Data;  // the SDK's own
  Data& data() const { return *data_; }

 private:
  std::unique_ptr<Data> data_;
};

/// Sees what happens inside a forward. Called on the thread of the forward, in layer order. Tensors are the
/// forward's own, with their graph: do not modify them; detach or clone what you keep. Layers are those with
/// attention, from 0.
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

/// Made by the caller: engine, criterion, analysis.
struct ForwardOptions {
  /// Sequences to continue. After a successful forward the state also holds this batch; after a failed one it
  /// is unchanged. Null: every row is a new sequence.
  DecodingState* state = nullptr;
  Observer* observer = nullptr;
  bool last_only = false;  ///< features of each row's last token that is not padding alone, [B,1,C]
};

class ForwardPass {
 public:
  struct Model {
    std::int64_t padding_idx = 1;
    bool causal = true;           ///< false: every token sees every other of its document
    std::int64_t window = 0;      ///< a query sees keys fewer than this many tokens away; 0: all
    const void* model = nullptr;  ///< as DecodingState::Shape has it
  };

  /// Asks the encodings for positions. `encodings`, and the state and observer in `options`, must outlive the
  /// pass and, if a graph is made, its backward.
  /// \throws Error (runtime) where the options' state does not fit the batch: another number of rows, other
  /// samples, another model, documents in some chunks only, more columns than planned
  ForwardPass(Encodings& encodings, const Batch& batch, const Model& model,
              const ForwardOptions& options = {});
  ~ForwardPass();
  ForwardPass(const ForwardPass&) = delete;
  ForwardPass& operator=(const ForwardPass&) = delete;

  const Forward& forward() const;
  const ForwardOptions& options() const;

  /// The token embeddings, scaled, x [B,T,C], the caller's to change -> what goes into the first layer,
  /// before norm and dropout.
  at::Tensor embed(at::Tensor x) const;
  /// The residual stream x [B,T,C] that goes into the layer -> what the layer works with.
  at::Tensor layer_input(std::int64_t layer, const at::Tensor& x) const;
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
