/// The decoder-only transformer language model of the reference: token embedding, positional encoding, a
/// stack of causal self-attention layers, and an output head. Module names, their order and the order of
/// random draws are the reference's, so that checkpoints are interchangeable and a seed gives the same
/// weights. Vaswani et al. 2017, arXiv 1706.03762; adaptive input: Baevski, Auli 2019, arXiv 1809.10853.
#include <ATen/ATen.h>
#include <nopos/adaptive_input.h>
#include <nopos/adaptive_softmax.h>
#include <nopos/architecture.h>
#include <nopos/attention.h>
#include <nopos/dropout.h>
#include <nopos/embedding.h>
#include <nopos/error.h>
#include <nopos/full_head.h>
#include <nopos/initial_weights.h>
#include <nopos/layer_norm.h>

#include <algorithm>
#include <cmath>

#include "options.h"

namespace transformer_lm {
namespace {

using nopos::Error, nopos::ExitCode;
using Context = nopos::Architecture::Context;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(ExitCode::configuration, "architecture/transformer_lm: " + sentence);
}

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

class Layer final : public torch::nn::Module {
 public:
  explicit Layer(const Options& o)
      : self_attn_(register_module("self_attn",
                                   std::make_shared<nopos::MultiheadAttention>(
                                       o.decoder_embed_dim, o.decoder_attention_heads, o.attention_dropout))),
        self_attn_layer_norm_(
            register_module("self_attn_layer_norm", std::make_shared<nopos::LayerNorm>(o.decoder_embed_dim))),
        feed_forward_(*this, o.decoder_embed_dim, o.decoder_ffn_embed_dim, nopos::activation(o.activation_fn),
                      o.activation_dropout > 0 ? o.activation_dropout : o.relu_dropout),
        final_layer_norm_(
            register_module("final_layer_norm", std::make_shared<nopos::LayerNorm>(o.decoder_embed_dim))),
        normalize_before_(o.decoder_normalize_before),
        dropout_(o.dropout) {}

  at::Tensor forward(at::Tensor x, nopos::AttentionContext& context, std::int64_t index) const {
    // x [B,T,C] -> [B,T,C]
    x = residual(std::move(x), *self_attn_layer_norm_,
                 [&](const at::Tensor& y) { return self_attn_->forward(y, context, index); });
    return residual(std::move(x), *final_layer_norm_,
                    [&](const at::Tensor& y) { return feed_forward_.forward(y, is_training()); });
  }

 private:
  template <class SubLayer>
  at::Tensor residual(at::Tensor x, const nopos::LayerNorm& norm, const SubLayer& sub_layer) const {
    const at::Tensor y = sub_layer(normalize_before_ ? norm.forward(x) : x);
    x = nopos::apply_dropout(y, dropout_, is_training()).add_(x);
    return normalize_before_ ? x : norm.forward(x);
  }

  std::shared_ptr<nopos::MultiheadAttention> self_attn_;
  std::shared_ptr<nopos::LayerNorm> self_attn_layer_norm_;
  nopos::FeedForward feed_forward_;
  std::shared_ptr<nopos::LayerNorm> final_layer_norm_;
  bool normalize_before_;
  double dropout_;
};

class Decoder final : public torch::nn::Module {
 public:
  Decoder(const Options& o, const Context& context)
      : scale_(o.no_scale_embedding ? 1 : std::sqrt(static_cast<double>(o.decoder_embed_dim))),
        dropout_(o.dropout),
        padding_idx_(context.padding_idx) {
    const std::int64_t dim = o.decoder_embed_dim;
    max_positions_ =
        context.max_target_positions > 0 ? context.max_target_positions : context.tokens_per_sample;
    version_ = register_buffer("version", at::full({1}, 3.0f));
    make_embedding(o, context);
    project_in_ = width_change(*this, "project_in_dim", embed_tokens_->dim(), dim);
    positions_ =
        register_module("embed_positions", context.make_encoding({.embed_dim = dim,
                                                                  .heads = o.decoder_attention_heads,
                                                                  .head_dim = dim / o.decoder_attention_heads,
                                                                  .layers = o.decoder_layers,
                                                                  .max_positions = max_positions_,
                                                                  .padding_idx = padding_idx_}));
    if (o.layernorm_embedding) {
      embedding_norm_ = register_module("layernorm_embedding", std::make_shared<nopos::LayerNorm>(dim));
    }
    const auto list = register_module("layers", std::make_shared<torch::nn::Module>());
    for (std::int64_t index = 0; index < o.decoder_layers; ++index) {
      layers_.push_back(list->register_module(std::to_string(index), std::make_shared<Layer>(o)));
    }
    if (o.decoder_normalize_before && !o.no_decoder_final_norm) {
      final_norm_ = register_module("layer_norm", std::make_shared<nopos::LayerNorm>(dim));
    }
    if (!o.tie_adaptive_weights) {
      project_out_ = width_change(*this, "project_out_dim", dim, o.decoder_output_dim);
    }
    make_head(o, context);
  }

  at::Tensor features(const nopos::Batch& batch) {
    // tokens [B,T] -> [B,T,C of the head]
    nopos::AttentionContext context{*positions_,
                                    {.tokens = batch.tokens,
                                     .padding_idx = padding_idx_,
                                     .document_ids = batch.document_ids,
                                     .given_positions = batch.positions},
                                    masks_};
    masks_.begin_forward();
    // the type of buffers is what the model computes in; weights that were loaded may be narrower
    at::Tensor x = embed_tokens_->forward(batch.tokens).to(version_.scalar_type());
    if (scale_ != 1) x.mul_(scale_);
    if (project_in_) x = project_in_->forward(x);
    if (const at::Tensor added = positions_->embed(context.positions); added.defined()) x.add_(added);
    if (embedding_norm_) x = embedding_norm_->forward(x);
    x = nopos::apply_dropout(x, dropout_, is_training());
    for (std::size_t index = 0; index < layers_.size(); ++index) {
      x = layers_[index]->forward(std::move(x), context, static_cast<std::int64_t>(index));
    }
    if (final_norm_) x = final_norm_->forward(x);
    if (project_out_) x = project_out_->forward(x);
    return x;
  }

  nopos::OutputHead& head() { return *head_; }

  std::int64_t max_positions() const {
    return std::min(max_positions_, positions_->traits().max_length.value_or(max_positions_));
  }

 private:
  void make_embedding(const Options& o, const Context& context) {
    if (!o.adaptive_input) {
      full_embedding_ =
          std::make_shared<nopos::TokenEmbedding>(context.vocabulary, o.decoder_input_dim, padding_idx_);
      embed_tokens_ = full_embedding_;
    } else {
      if (!o.adaptive_input_cutoff)
        refuse("--adaptive-input needs --adaptive-input-cutoff, such as 20000,60000.");
      adaptive_input_ = std::make_shared<nopos::AdaptiveInput>(
          nopos::AdaptiveBands(cutoffs(*o.adaptive_input_cutoff, "adaptive-input-cutoff"), context.vocabulary,
                               "--adaptive-input-cutoff"),
          o.decoder_input_dim, o.adaptive_input_factor, o.decoder_embed_dim, padding_idx_);
      embed_tokens_ = adaptive_input_;
    }
    register_module("embed_tokens", embed_tokens_);
  }

  void make_head(const Options& o, const Context& context) {
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

  double scale_, dropout_;
  at::Tensor version_;  // [1], of the format of checkpoints
  std::int64_t padding_idx_, max_positions_ = 0;
  std::shared_ptr<nopos::InputEmbedding> embed_tokens_;
  std::shared_ptr<nopos::TokenEmbedding> full_embedding_;  // embed_tokens_ where it is of that sort
  std::shared_ptr<nopos::AdaptiveInput> adaptive_input_;   // or of this
  std::shared_ptr<nopos::Linear> project_in_, project_out_;
  std::shared_ptr<nopos::PositionalEncoding> positions_;
  std::shared_ptr<nopos::LayerNorm> embedding_norm_, final_norm_;
  std::vector<std::shared_ptr<Layer>> layers_;
  std::shared_ptr<nopos::OutputHead> head_;
  nopos::BiasMasks masks_;
};

class TransformerLM final : public nopos::Architecture {
 public:
  using Options = transformer_lm::Options;

  TransformerLM(const Options& options, const Context& context) {
    check(options, context);
    decoder_ = register_module("decoder", std::make_shared<Decoder>(options, context));
  }

  at::Tensor features(const nopos::Batch& batch) override { return decoder_->features(batch); }
  nopos::OutputHead& head() override { return decoder_->head(); }
  std::int64_t max_positions() const override { return decoder_->max_positions(); }

 private:
  /// What no single option's range can say.
  static void check(const Options& o, const Context& context) {
    const auto number = [](std::int64_t n) { return std::to_string(n); };
    if (o.decoder_embed_dim % o.decoder_attention_heads != 0) {
      refuse("--decoder-embed-dim " + number(o.decoder_embed_dim) +
             " is not a multiple of --decoder-attention-heads " + number(o.decoder_attention_heads) + ".");
    }
    if (o.tie_adaptive_weights) {
      if (!o.adaptive_input) refuse("--tie-adaptive-weights needs --adaptive-input.");
      if (o.adaptive_input_factor != o.adaptive_softmax_factor) {
        refuse(
            "--tie-adaptive-weights needs --adaptive-input-factor and --adaptive-softmax-factor to be "
            "equal.");
      }
      if (o.adaptive_input_cutoff != o.adaptive_softmax_cutoff) {
        refuse("--tie-adaptive-weights needs equal cutoffs, but --adaptive-input-cutoff is " +
               o.adaptive_input_cutoff.value_or("not given") + " and --adaptive-softmax-cutoff is " +
               o.adaptive_softmax_cutoff.value_or("not given") + ".");
      }
      if (o.decoder_input_dim != o.decoder_output_dim || o.decoder_embed_dim != o.decoder_output_dim) {
        refuse("--tie-adaptive-weights needs one width, but --decoder-input-dim is " +
               number(o.decoder_input_dim) + ", --decoder-embed-dim " + number(o.decoder_embed_dim) +
               " and --decoder-output-dim " + number(o.decoder_output_dim) + ".");
      }
    } else if (o.share_decoder_input_output_embed && !o.adaptive_softmax_cutoff) {
      if (o.adaptive_input) refuse("--share-decoder-input-output-embed cannot share an adaptive input.");
      if (o.decoder_input_dim != o.decoder_output_dim) {
        refuse("--share-decoder-input-output-embed needs equal widths, but --decoder-input-dim is " +
               number(o.decoder_input_dim) + " and --decoder-output-dim " + number(o.decoder_output_dim) +
               ".");
      }
      if (context.vocabulary != context.output_vocabulary) {
        refuse("--share-decoder-input-output-embed needs one dictionary, but the source has " +
               number(context.vocabulary) + " types and the target " + number(context.output_vocabulary) +
               ".");
      }
    }
  }

  std::shared_ptr<Decoder> decoder_;
};

}  // namespace
}  // namespace transformer_lm

NOPOS_PLUGIN(plugin) {
  plugin.add<transformer_lm::TransformerLM>("transformer_lm", "decoder-only transformer language model");
}
