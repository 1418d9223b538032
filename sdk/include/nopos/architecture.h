#pragma once
/// The kind `architecture`: a language model built from the SDK's blocks, with the chosen encoding handed in.
///
/// Presets (`transformer_lm_wiki103`) are data in `plugin.json`, not classes: values of options, and values
/// that a preset forces whatever the user says.
///
/// Modules are registered under the reference's names ("decoder.layers.0.self_attn.k_proj.weight"), in the
/// reference's order: parameters are initialised and saved in that order, so the same seed gives the
/// reference's weights.

#include <torch/nn/module.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nopos/batch.h"
#include "nopos/dictionary.h"
#include "nopos/forward_options.h"
#include "nopos/output_head.h"
#include "nopos/plugin.h"
#include "nopos/positional_encoding.h"

namespace nopos {

class Architecture : public torch::nn::Module {
 public:
  using Interface = Architecture;
  static constexpr const char* kind = "architecture";
  static constexpr int interface_version = kind_interface(kind);

  struct Context {
    std::int64_t vocabulary = 0;         ///< types of the source dictionary
    std::int64_t output_vocabulary = 0;  ///< types of the target dictionary
    std::int64_t padding_idx = 1;
    std::int64_t tokens_per_sample = 0;     ///< the task's block length
    std::int64_t max_target_positions = 0;  ///< the task's; 0: tokens_per_sample
    /// Makes the encoding that the user chose. The architecture calls it at the place where the reference
    /// builds its own, because of the order of random draws.
    std::function<std::shared_ptr<PositionalEncoding>(const ModelShape&)> make_encoding;
    /// The source dictionary, for models that look into its words; alive while the model is made. May be
    /// missing.
    const Dictionary* dictionary = nullptr;
  };

  /// tokens [B,T] -> features [B,T,C], what `head` takes; [B,1,C] with `last_only`. A state in `options` is
  /// one that `decoding_state` made. With it, or an observer, activations are not recomputed.
  /// \throws Error (runtime) where the state does not fit the batch (nopos/forward_pass.h)
  virtual at::Tensor features(const Batch& batch, const ForwardOptions& options = {}) = 0;
  virtual OutputHead& head() = 0;

  /// For `rows` sequences that come in chunks, of `planned` columns at most. By default the architecture
  /// keeps none. \throws Error (configuration) where it keeps none, or cannot take so many positions
  virtual std::shared_ptr<DecodingState> decoding_state(std::int64_t rows, std::int64_t planned);

  /// Whether a token sees only those before it; else every token sees every other, and there is nothing to
  /// decode step by step.
  virtual bool causal() const { return true; }

  /// Longest sequence that `features` takes.
  virtual std::int64_t max_positions() const = 0;

  /// `saved` are the names of a checkpoint's tensors; -> for each the tensor of this model that it belongs
  /// to, or nothing: it is left out. For models that take over a part of a larger one.
  virtual std::vector<std::optional<std::string>> own_names(const std::vector<std::string>& saved) const {
    return {saved.begin(), saved.end()};
  }

  /// A line or two for the log, below the module's own print.
  virtual std::string summary() const { return {}; }
};

}  // namespace nopos
