#pragma once
/// The kind `architecture`: a language model built from the SDK's blocks and the chosen positional encodings.
///
/// Presets (`transformer_lm_wiki103`) are data in `plugin.json`, not classes: values of options, some of
/// which override the user's.
///
/// "fairseq" in this SDK means its NoPos fork. Modules are registered under fairseq's names
/// ("decoder.layers.0.self_attn.k_proj.weight") in fairseq's order. Parameters are initialized and saved in
/// that order, so that the same seed gives the same weights as in fairseq. All functions are called from one
/// thread.

#include <torch/nn/module.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nopos/batch.h"
#include "nopos/dictionary.h"
#include "nopos/forward_pass.h"
#include "nopos/output_head.h"
#include "nopos/plugin.h"
#include "nopos/positional_encoding.h"

namespace nopos {

class Architecture : public torch::nn::Module {
 public:
  using Interface = Architecture;
  static constexpr const char* kind = "architecture";
  static constexpr InterfaceVersion interface_version = kind_interface(kind);

  struct Context {
    std::int64_t vocabulary = 0;         ///< size of the source dictionary
    std::int64_t output_vocabulary = 0;  ///< size of the target dictionary
    std::int64_t padding_idx = 1;
    std::int64_t tokens_per_sample = 0;     ///< the task's block length
    std::int64_t max_target_positions = 0;  ///< the task's; 0: tokens_per_sample
    /// Makes the encodings that the user chose. Call it at the point where fairseq builds its own: it may
    /// draw random numbers. The shape's train_length is filled in by the host.
    std::function<std::shared_ptr<Encodings>(const ModelShape&)> make_encodings;
    /// The source dictionary, for models that depend on its words; valid during construction only. May be
    /// null.
    const Dictionary* dictionary = nullptr;
  };

  /// tokens [B,T] -> features [B,T,C], what `head` takes; [B,1,C] with `last_only`. A state in `options` is
  /// one that `decoding_state` made. With it, or an observer, activations are not recomputed.
  /// \throws Error (runtime) if the state does not fit the batch (nopos/forward_pass.h)
  virtual at::Tensor features(const Batch& batch, const ForwardOptions& options = {}) = 0;
  virtual OutputHead& head() = 0;

  /// For `rows` sequences that come in chunks, of `planned` columns at most. By default the architecture
  /// keeps none. \throws Error (configuration) if it keeps none, or if `planned` exceeds the
  /// longest sequence of the encoding
  virtual std::shared_ptr<DecodingState> decoding_state(std::int64_t rows, std::int64_t planned);

  /// Whether a token sees only those before it; else every token sees every other, and there is nothing to
  /// decode step by step.
  virtual bool causal() const { return true; }

  /// Longest sequence that the engine passes to `features`.
  virtual std::int64_t max_positions() const = 0;

  /// Maps the names of a checkpoint's tensors to those of this model; nullopt: the tensor is ignored. For
  /// models initialized from part of a larger checkpoint.
  virtual std::vector<std::optional<std::string>> own_names(const std::vector<std::string>& saved) const {
    return {saved.begin(), saved.end()};
  }

  /// One or two lines for the log.
  virtual std::string summary() const { return {}; }
};

}  // namespace nopos
