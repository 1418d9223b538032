#include "decoder.h"

#include <ATen/ATen.h>
#include <nopos/error.h>
#include <nopos/nn/adaptive_softmax.h>
#include <nopos/nn/dropout.h>
#include <nopos/nn/full_head.h>
#include <nopos/nn/initial_weights.h>
#include <nopos/nn/recomputation.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace transformer_lm {
namespace {

std::vector<std::int64_t> cutoffs(const std::string& text, const std::string& option) {
  nopos::OptionInfo list;
  list.name = option;
  list.type = nopos::OptionType::integers;
  return std::get<std::vector<std::int64_t>>(parse_value(list, text, "architecture/transformer_lm"));
}

/// A bias-free projection between widths, or nothing where they are equal.
std::shared_ptr<nopos::Linear> width_change(torch::nn::Module& owner, const std::string& name,
                                            std::int64_t in, std::int64_t out) {
  if (in == out) return nullptr;
  auto projection =
      owner.register_module(name, std::make_shared<nopos::Linear>(in, out, /*with_bias=*/false));
  nopos::init_xavier_(projection->weight());
  return projection;
}

}  // namespace

void refuse(const std::string& sentence) {
  throw nopos::Error(nopos::ExitCode::configuration, "architecture/transformer_lm: " + sentence);
}

Decoder::Decoder(const Options& o, const Context& context)
    : scale_(o.no_scale_embedding ? 1 : std::sqrt(static_cast<double>(o.decoder_embed_dim))),
      dropout_(o.dropout),
      layer_drop_(o.decoder_layerdrop),
      recompute_(o.checkpoint_activations || o.offload_activations),
      offload_(o.offload_activations),
      padding_idx_(context.padding_idx) {
  const std::int64_t dim = o.decoder_embed_dim;
  max_positions_ =
      context.max_target_positions > 0 ? context.max_target_positions : context.tokens_per_sample;
  version_ = register_buffer("version", at::full({1}, 3.0f));
  make_embedding(o, context);
  if (o.quant_noise_pq > 0 && !o.adaptive_input) {
    noise_map_ = register_module("quant_noise", std::make_shared<nopos::Linear>(dim, dim, false));
  }
  project_in_ = width_change(*this, "project_in_dim", embed_tokens_->dim(), dim);
  positions_ =
      register_module("embed_positions", context.make_encodings({.embed_dim = dim,
                                                                 .heads = o.decoder_attention_heads,
                                                                 .head_dim = dim / o.decoder_attention_heads,
                                                                 .layers = o.decoder_layers,
                                                                 .max_positions = max_positions_,
                                                                 .padding_idx = padding_idx_}));
  if (o.layernorm_embedding) {
    embedding_norm_ = register_module("layernorm_embedding", std::make_shared<nopos::LayerNorm>(dim));
  }
  const auto list = register_module("layers", std::make_shared<torch::nn::Module>());
  make_layers(o);
  if (o.decoder_normalize_before && !o.no_decoder_final_norm) {
    final_norm_ = register_module("layer_norm", std::make_shared<nopos::LayerNorm>(dim));
  }
  if (!o.tie_adaptive_weights) {
    project_out_ = width_change(*this, "project_out_dim", dim, o.decoder_output_dim);
  }
  make_head(o, context);
  insert_base_layers(o, *list);
}

void Decoder::make_embedding(const Options& o, const Context& context) {
  if (o.character_embeddings) {
    if (context.dictionary == nullptr)
      refuse("--character-embeddings needs a task with a dictionary of words.");
    character_embedding_ = std::make_shared<CharacterEmbedding>(
        *context.dictionary, character_filters(o.character_filters),
        CharacterEmbedding::Shape{.character_dim = o.character_embedding_dim,
                                  .highway_layers = o.char_embedder_highway_layers,
                                  .output_dim = o.decoder_embed_dim});
    embed_tokens_ = character_embedding_;
  } else if (o.adaptive_input) {
    if (!o.adaptive_input_cutoff)
      refuse("--adaptive-input needs --adaptive-input-cutoff, such as 20000,60000.");
    adaptive_input_ = std::make_shared<nopos::AdaptiveInput>(
        nopos::AdaptiveBands(cutoffs(*o.adaptive_input_cutoff, "adaptive-input-cutoff"), context.vocabulary,
                             "--adaptive-input-cutoff"),
        o.decoder_input_dim, o.adaptive_input_factor, o.decoder_embed_dim, padding_idx_);
    embed_tokens_ = adaptive_input_;
  } else {
    full_embedding_ =
        std::make_shared<nopos::TokenEmbedding>(context.vocabulary, o.decoder_input_dim, padding_idx_);
    embed_tokens_ = full_embedding_;
  }
  register_module("embed_tokens", embed_tokens_);
}

void Decoder::make_layers(const Options& o) {
  for (std::int64_t index = 0; index < o.decoder_layers; ++index)
    layers_.push_back({std::make_shared<Layer>(o), nullptr, index});
}

void Decoder::insert_base_layers(const Options& o, torch::nn::Module& list) {
  for (std::int64_t i = 0; i < o.base_layers; ++i) {
    const std::int64_t before = (i + 1) * o.decoder_layers / (o.base_layers + 1);
    layers_.insert(layers_.begin() + before, {nullptr, std::make_shared<BaseLayer>(o), 0});
  }
  for (std::size_t index = 0; index < layers_.size(); ++index) {
    const std::string name = std::to_string(index);
    if (layers_[index].base) {
      list.register_module(name, layers_[index].base);
    } else {
      list.register_module(name, layers_[index].layer);
    }
  }
}

void Decoder::make_head(const Options& o, const Context& context) {
  if (o.adaptive_softmax_cutoff) {
    nopos::AdaptiveBands bands(cutoffs(*o.adaptive_softmax_cutoff, "adaptive-softmax-cutoff"),
                               context.output_vocabulary, "--adaptive-softmax-cutoff");
    const nopos::AdaptiveSoftmax::Shape shape{.input_dim = o.decoder_output_dim,
                                              .factor = o.adaptive_softmax_factor,
                                              .dropout = o.adaptive_softmax_dropout};
    head_ = register_module(
        "adaptive_softmax",
        o.tie_adaptive_weights
            ? std::make_shared<nopos::AdaptiveSoftmax>(*adaptive_input_, shape, o.tie_adaptive_proj)
            : std::make_shared<nopos::AdaptiveSoftmax>(std::move(bands), shape));
  } else if (o.share_decoder_input_output_embed) {
    head_ =
        register_module("output_projection", std::make_shared<nopos::FullHead>(full_embedding_->weight()));
  } else {
    head_ = register_module("output_projection", std::make_shared<nopos::FullHead>(
                                                     o.decoder_output_dim, context.output_vocabulary));
  }
}

at::Tensor Decoder::embedded(const nopos::ForwardPass& pass) {
  // tokens [B,T] -> [B,T,C]
  // the type of buffers is what the model computes in; weights that were loaded may be narrower
  at::Tensor x = embed_tokens_->forward(pass.forward().tokens()).to(version_.scalar_type());
  if (scale_ != 1) x.mul_(scale_);
  if (noise_map_) x = noise_map_->forward(x);
  if (project_in_) x = project_in_->forward(x);
  x = pass.embed(std::move(x));
  if (embedding_norm_) x = embedding_norm_->forward(x);
  return nopos::apply_dropout(x, dropout_, is_training());
}

std::vector<bool> Decoder::drawn_layers() const {
  // The numbers are drawn in evaluation too, as fairseq does; all layers stay then.
  std::vector<bool> stay(layers_.size(), true);
  if (layer_drop_ == 0) return stay;
  const at::Tensor chances = at::empty({static_cast<std::int64_t>(stay.size())}, at::kFloat).uniform_();
  for (std::size_t i = 0; is_training() && i < stay.size(); ++i)
    stay[i] = static_cast<double>(chances.const_data_ptr<float>()[i]) > layer_drop_;
  return stay;
}

at::Tensor Decoder::through_layer(std::size_t index, const at::Tensor& x,
                                  const std::shared_ptr<nopos::ForwardPass>& pass) {
  const AnyLayer& one = layers_[index];
  if (one.base) return one.base->forward(x);
  const nopos::ForwardOptions& options = pass->options();
  if (!recompute_ || options.state != nullptr || options.observer != nullptr)
    return one.layer->forward(x, *pass, one.place);
  // Tensors that encodings share between layers belong to the graph in which they were made, and each run of
  // the layer has its own.
  const auto again = [layer = one.layer, place = one.place, pass](const at::Tensor& input) {
    pass->forget();
    at::Tensor y = layer->forward(input, *pass, place);
    pass->forget();
    return y;
  };
  return nopos::with_recomputation(x, again, offload_);
}

at::Tensor Decoder::features(const nopos::Batch& batch, const nopos::ForwardOptions& options) {
  // tokens [B,T] -> [B,T,C of the head]
  const auto pass = std::make_shared<nopos::ForwardPass>(
      *positions_, batch, nopos::ForwardPass::Model{.padding_idx = padding_idx_, .model = this}, options);
  at::Tensor x = embedded(*pass);
  pass->hidden(0, x);
  const std::vector<bool> stay = drawn_layers();
  for (std::size_t index = 0; index < layers_.size(); ++index) {
    if (stay[index]) x = through_layer(index, x, pass);
    if (layers_[index].layer) pass->hidden(layers_[index].place + 1, x);
  }
  x = pass->finish(x);
  if (final_norm_) x = final_norm_->forward(x);
  if (project_out_) x = project_out_->forward(x);
  return x;
}

std::shared_ptr<nopos::DecodingState> Decoder::decoding_state(std::int64_t rows, std::int64_t planned) const {
  const std::optional<std::int64_t> longest = positions_->max_length();
  if (longest && planned > *longest) {
    refuse("a decoding state for " + std::to_string(planned) + " tokens was asked for, but the positional " +
           "encoding ends at " + std::to_string(*longest) + ".");
  }
  std::int64_t attending = 0;
  for (const AnyLayer& one : layers_) attending += one.layer != nullptr;
  return std::make_shared<nopos::DecodingState>(
      nopos::DecodingState::Shape{.rows = rows, .planned = planned, .layers = attending, .model = this});
}

std::int64_t Decoder::max_positions() const {
  return std::min(max_positions_, positions_->max_length().value_or(max_positions_));
}

std::string Decoder::summary() const {
  if (!character_embedding_ || character_embedding_->truncated_words() == 0) return {};
  return "character embeddings use the first 50 bytes of a word; " +
         std::to_string(character_embedding_->truncated_words()) + " words are longer";
}

}  // namespace transformer_lm
