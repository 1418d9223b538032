#pragma once
/// The options of `transformer_lm`; names and defaults are the reference's.

#include <nopos/feed_forward.h>
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
    o.add("activation-fn", &O::activation_fn, "activation between the two maps of the feed-forward part",
          OneOf{nopos::activation_names()});
    o.add("dropout", &O::dropout, "dropout of embeddings and of what each sub-layer adds", probability);
    o.add("attention-dropout", &O::attention_dropout, "dropout of attention weights", probability);
    o.add("activation-dropout", &O::activation_dropout, "dropout after the activation", probability);
    o.add("relu-dropout", &O::relu_dropout, "the same, where --activation-dropout is 0", probability);
    o.add("decoder-embed-dim", &O::decoder_embed_dim, "width of the model", AtLeast{1});
    o.add("decoder-output-dim", &O::decoder_output_dim, "width of the features that the output head takes",
          AtLeast{1});
    o.add("decoder-input-dim", &O::decoder_input_dim,
          "width of token embeddings; of band 0 with adaptive input", AtLeast{1});
    o.add("decoder-ffn-embed-dim", &O::decoder_ffn_embed_dim, "inner width of the feed-forward part",
          AtLeast{1});
    o.add("decoder-layers", &O::decoder_layers, "number of layers", AtLeast{1});
    o.add("decoder-attention-heads", &O::decoder_attention_heads, "number of attention heads", AtLeast{1});
    o.add("decoder-normalize-before", &O::decoder_normalize_before,
          "layer norm before each sub-layer instead of after its residual sum");
    o.add("no-decoder-final-norm", &O::no_decoder_final_norm,
          "no layer norm after the last layer (there is none without --decoder-normalize-before)");
    o.add("adaptive-softmax-cutoff", &O::adaptive_softmax_cutoff,
          "rising ids at which a new band of the adaptive softmax begins, such as 20000,60000; not given: a "
          "full softmax");
    o.add("adaptive-softmax-dropout", &O::adaptive_softmax_dropout,
          "dropout of the adaptive softmax's features, and inside its tails", probability);
    o.add("adaptive-softmax-factor", &O::adaptive_softmax_factor,
          "each band of the adaptive softmax is narrower by this factor", AtLeast{1});
    o.add("share-decoder-input-output-embed", &O::share_decoder_input_output_embed,
          "the token embedding is the output weight too (without effect with an adaptive softmax)");
    o.add("adaptive-input", &O::adaptive_input, "narrower embeddings for rarer bands of the vocabulary");
    o.add("adaptive-input-factor", &O::adaptive_input_factor,
          "each band of the adaptive input is narrower by this factor", AtLeast{1});
    o.add("adaptive-input-cutoff", &O::adaptive_input_cutoff,
          "rising ids at which a new band of the adaptive input begins, such as 20000,60000");
    o.add("tie-adaptive-weights", &O::tie_adaptive_weights,
          "the adaptive softmax takes its words' weights from the adaptive input");
    o.add("tie-adaptive-proj", &O::tie_adaptive_proj,
          "with --tie-adaptive-weights: the tails take their projections from the adaptive input too");
    o.add("layernorm-embedding", &O::layernorm_embedding, "layer norm after the positions are added");
    o.add("no-scale-embedding", &O::no_scale_embedding,
          "do not multiply token embeddings by the square root of the width");

    o.add("character-embeddings", &O::character_embeddings,
          "token embeddings from the bytes of the words, by convolutions and highway layers");
    o.add("character-filters", &O::character_filters,
          "the convolutions of character embeddings: (width, number) pairs");
    o.add("character-embedding-dim", &O::character_embedding_dim, "width of a byte's embedding", AtLeast{1});
    o.add("char-embedder-highway-layers", &O::char_embedder_highway_layers,
          "highway layers of character embeddings", AtLeast{0});
    o.add("checkpoint-activations", &O::checkpoint_activations,
          "keep one layer's activations at a time and compute them again in backward; results are the same");
    o.add("offload-activations", &O::offload_activations,
          "the same, and what is kept of each layer lies in the processor's memory; needs a GPU");
    o.add("decoder-layerdrop", &O::decoder_layerdrop,
          "while training, each layer is left out with this probability", probability);
    o.add("decoder-layers-to-keep", &O::decoder_layers_to_keep,
          "layers to take over from a larger checkpoint, counted from 0, such as 0,2,4; sets the number of "
          "layers");
    o.add("quant-noise-pq", &O::quant_noise_pq,
          "while training, each block of a weight is zero with this probability", probability);
    o.add("quant-noise-pq-block-size", &O::quant_noise_pq_block_size, "columns of such a block", AtLeast{1});
    o.add(
        "quant-noise-scalar", &O::quant_noise_scalar,
        "while training, each weight is rounded to 8 bits with this probability; in evaluation all are, and "
        "what is computed with them",
        probability);
    o.ignored("debug", false, "nothing", "it does nothing in the reference either");
    o.refused("min-params-to-wrap", 100000000, "smallest layer that full sharding wraps",
              "parameters are not sharded, so there is nothing to wrap");
    o.add("base-layers", &O::base_layers, "number of BASE layers, spread evenly between the others",
          AtLeast{0});
    o.add("base-sublayers", &O::base_sublayers, "feed-forward parts of a BASE layer's expert", AtLeast{0});
    o.ignored("base-shuffle", 1, "shuffle tokens between the experts of BASE layers",
              "one process has one expert, which gets all tokens in any order");
    o.add("scale-fc", &O::scale_fc, "layer norm inside the feed-forward part, before its second map");
    o.add("scale-attn", &O::scale_attn, "layer norm after attention");
    o.add("scale-heads", &O::scale_heads,
          "a learned factor per attention head, applied after its output map");
    o.add("scale-resids", &O::scale_resids,
          "a learned factor per dimension of what goes past the feed-forward part");
  }
};

}  // namespace transformer_lm
