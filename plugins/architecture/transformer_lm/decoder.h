#pragma once
/// Embedding, positional encoding, layers and output head.

#include <nopos/architecture.h>
#include <nopos/nn/adaptive_input.h>
#include <nopos/nn/attention.h>
#include <nopos/nn/layer_norm.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base_layer.h"
#include "character_embedding.h"
#include "layer.h"
#include "options.h"

namespace transformer_lm {

[[noreturn]] void refuse(const std::string& sentence);

class Decoder final : public torch::nn::Module {
 public:
  Decoder(const Options& options, const nopos::Architecture::Context& context);

  /// tokens [B,T] -> [B,T,C of the head]
  at::Tensor features(const nopos::Batch& batch, const nopos::ForwardOptions& options);
  std::shared_ptr<nopos::DecodingState> decoding_state(std::int64_t rows, std::int64_t planned) const;
  nopos::OutputHead& head() { return *head_; }
  std::int64_t max_positions() const;
  std::string summary() const;

 private:
  using Context = nopos::Architecture::Context;
  void make_embedding(const Options& options, const Context& context);
  void make_layers(const Options& options);
  void make_head(const Options& options, const Context& context);
  void insert_base_layers(const Options& options, torch::nn::Module& list);

  at::Tensor embedded(const nopos::ForwardPass& pass);
  std::vector<bool> drawn_layers() const;
  at::Tensor through_layer(std::size_t index, const at::Tensor& x,
                           const std::shared_ptr<nopos::ForwardPass>& pass);

  /// One of the two.
  struct AnyLayer {
    std::shared_ptr<Layer> layer;
    std::shared_ptr<BaseLayer> base;
    std::int64_t place;  // what the encoding's hooks are told: BASE layers are not counted
  };

  double scale_, dropout_, layer_drop_;
  at::Tensor version_;  // [1], of the format of checkpoints
  bool recompute_, offload_;
  std::int64_t padding_idx_, max_positions_ = 0;
  std::shared_ptr<nopos::InputEmbedding> embed_tokens_;
  std::shared_ptr<nopos::TokenEmbedding> full_embedding_;    // embed_tokens_ where it is of that sort
  std::shared_ptr<nopos::AdaptiveInput> adaptive_input_;     // or of this
  std::shared_ptr<CharacterEmbedding> character_embedding_;  // or of this
  std::shared_ptr<nopos::Linear> noise_map_, project_in_, project_out_;
  std::shared_ptr<nopos::Encodings> positions_;
  std::shared_ptr<nopos::LayerNorm> embedding_norm_, final_norm_;
  std::vector<AnyLayer> layers_;
  std::shared_ptr<nopos::OutputHead> head_;
};

}  // namespace transformer_lm
