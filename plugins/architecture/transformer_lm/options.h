#pragma once
/// The options of `transformer_lm`; names and defaults are fairseq's.

#include <nopos/nn/feed_forward.h>
#include <nopos/options.h>

#include <cstdint>
#include <optional>
#include <string>

namespace transformer_lm {

struct Options {
  std::string activation_fn = "relu";
  double dropout = 0.1, attention_dropout = 0, activation_dropout = 0, relu_dropout = 0;
  std::int64_t decoder_embed_dim = 512, decoder_output_dim = 512, decoder_input_dim = 512;
  std::int64_t decoder_ffn_embed_dim = 2048, decoder_layers = 6, decoder_attention_heads = 8;
  bool decoder_normalize_before = false, no_decoder_final_norm = false;
  std::optional<std::string> adaptive_softmax_cutoff;
  double adaptive_softmax_dropout = 0, adaptive_softmax_factor = 4;
  bool share_decoder_input_output_embed = false;
  bool adaptive_input = false;
  double adaptive_input_factor = 4;
  std::optional<std::string> adaptive_input_cutoff;
  bool tie_adaptive_weights = false, tie_adaptive_proj = false;
  bool layernorm_embedding = false, no_scale_embedding = false;
  bool character_embeddings = false;
  std::string character_filters = "[(1, 64), (2, 128), (3, 192), (4, 256), (5, 256), (6, 256), (7, 256)]";
  std::int64_t character_embedding_dim = 4, char_embedder_highway_layers = 2;
  bool checkpoint_activations = false, offload_activations = false;
  double decoder_layerdrop = 0;
  std::optional<std::string> decoder_layers_to_keep;
  double quant_noise_pq = 0, quant_noise_scalar = 0;
  std::int64_t quant_noise_pq_block_size = 8;
  std::int64_t base_layers = 0, base_sublayers = 1;
  bool scale_fc = false, scale_attn = false, scale_heads = false, scale_resids = false;

  NOPOS_OPTIONS(o) {
    using nopos::AtLeast, nopos::OneOf, nopos::Range;
    using O = Options;
    const Range probability{0, 1};
    o.add("activation-fn", &O::activation_fn, "activation function of the feed-forward layer",
          OneOf{nopos::activation_names()});
    o.add("dropout", &O::dropout, "dropout of embeddings and sub-layer outputs", probability);
    o.add("attention-dropout", &O::attention_dropout, "dropout of attention weights", probability);
    o.add("activation-dropout", &O::activation_dropout, "dropout after the activation", probability);
    o.add("relu-dropout", &O::relu_dropout, "same, used if --activation-dropout is 0", probability);
    o.add("decoder-embed-dim", &O::decoder_embed_dim, "dimension of the model", AtLeast{1});
    o.add("decoder-output-dim", &O::decoder_output_dim,
          "dimension of the features that enter the output layer", AtLeast{1});
    o.add("decoder-input-dim", &O::decoder_input_dim,
          "dimension of token embeddings; with adaptive input, of the first band", AtLeast{1});
    o.add("decoder-ffn-embed-dim", &O::decoder_ffn_embed_dim, "inner dimension of the feed-forward layer",
          AtLeast{1});
    o.add("decoder-layers", &O::decoder_layers, "number of layers", AtLeast{1});
    o.add("decoder-attention-heads", &O::decoder_attention_heads, "number of attention heads", AtLeast{1});
    o.add("decoder-normalize-before", &O::decoder_normalize_before,
          "layer norm before each sub-layer instead of after its residual connection");
    o.add("no-decoder-final-norm", &O::no_decoder_final_norm,
          "no layer norm after the last layer (there is none without --decoder-normalize-before)");
    o.add("adaptive-softmax-cutoff", &O::adaptive_softmax_cutoff,
          "ids at which the bands of the adaptive softmax begin, ascending, such as 20000,60000; not given: "
          "full softmax");
    o.add("adaptive-softmax-dropout", &O::adaptive_softmax_dropout,
          "dropout of the input and of the tails of the adaptive softmax", probability);
    o.add("adaptive-softmax-factor", &O::adaptive_softmax_factor,
          "factor by which the dimension shrinks from one band of the adaptive softmax to the next",
          AtLeast{1});
    o.add("share-decoder-input-output-embed", &O::share_decoder_input_output_embed,
          "share the token embedding with the output layer (no effect with an adaptive softmax)");
    o.add("adaptive-input", &O::adaptive_input, "smaller embeddings for rarer words");
    o.add("adaptive-input-factor", &O::adaptive_input_factor,
          "factor by which the dimension shrinks from one band of the adaptive input to the next",
          AtLeast{1});
    o.add("adaptive-input-cutoff", &O::adaptive_input_cutoff,
          "ids at which the bands of the adaptive input begin, ascending, such as 20000,60000");
    o.add("tie-adaptive-weights", &O::tie_adaptive_weights,
          "share the embeddings of the adaptive input with the adaptive softmax");
    o.add("tie-adaptive-proj", &O::tie_adaptive_proj,
          "with --tie-adaptive-weights: share the projections too");
    o.add("layernorm-embedding", &O::layernorm_embedding,
          "layer norm after adding positions to the embeddings");
    o.add("no-scale-embedding", &O::no_scale_embedding,
          "do not multiply token embeddings by the square root of their dimension");

    o.add("character-embeddings", &O::character_embeddings,
          "compute token embeddings from the bytes of words with convolutions and highway layers");
    o.add("character-filters", &O::character_filters,
          "convolutions of character embeddings: (width, number) pairs");
    o.add("character-embedding-dim", &O::character_embedding_dim, "dimension of byte embeddings", AtLeast{1});
    o.add("char-embedder-highway-layers", &O::char_embedder_highway_layers,
          "number of highway layers of character embeddings", AtLeast{0});
    o.add("checkpoint-activations", &O::checkpoint_activations,
          "save memory by recomputing activations in backward; results are the same");
    o.add("offload-activations", &O::offload_activations,
          "same, and keep the inputs of layers in host memory; needs a GPU");
    o.add("decoder-layerdrop", &O::decoder_layerdrop, "probability of skipping a layer in training",
          probability);
    o.add(
        "decoder-layers-to-keep", &O::decoder_layers_to_keep,
        "layers to load from a larger checkpoint, counted from 0, such as 0,2,4; sets the number of layers");
    o.add("quant-noise-pq", &O::quant_noise_pq, "probability of zeroing a block of a weight in training",
          probability);
    o.add("quant-noise-pq-block-size", &O::quant_noise_pq_block_size, "columns of a block", AtLeast{1});
    o.add("quant-noise-scalar", &O::quant_noise_scalar,
          "probability of rounding a weight to 8 bits in training; in evaluation, all weights and outputs "
          "are rounded",
          probability);
    o.ignored("debug", false, "nothing", "it does nothing in fairseq either");
    o.refused("min-params-to-wrap", 100000000, "smallest layer that full sharding wraps",
              "parameters are not sharded, so there is nothing to wrap");
    o.add("base-layers", &O::base_layers, "number of BASE layers, evenly spaced", AtLeast{0});
    o.add("base-sublayers", &O::base_sublayers, "number of feed-forward layers in an expert of a BASE layer",
          AtLeast{0});
    o.ignored("base-shuffle", 1, "shuffle tokens before assigning them to the experts of BASE layers",
              "there is one expert, which gets all tokens in any order");
    o.add("scale-fc", &O::scale_fc, "layer norm inside the feed-forward layer, before its second projection");
    o.add("scale-attn", &O::scale_attn, "layer norm after attention");
    o.add("scale-heads", &O::scale_heads,
          "learned scale per attention head, applied after the output projection");
    o.add("scale-resids", &O::scale_resids,
          "learned scale per dimension of the residual connection around the feed-forward layer");
  }
};

}  // namespace transformer_lm
