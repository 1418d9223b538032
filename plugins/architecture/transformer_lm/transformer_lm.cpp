/// The decoder-only transformer language model of fairseq: token embedding, positional encoding, a
/// stack of causal self-attention layers, and an output head. Module names, their order and the order of
/// random draws are fairseq's, so that checkpoints are interchangeable and a seed gives the same
/// weights. Vaswani et al. 2017, arXiv 1706.03762; adaptive input: Baevski, Auli 2019, arXiv 1809.10853.
#include <ATen/Context.h>
#include <nopos/architecture.h>

#include <algorithm>
#include <regex>
#include <set>

#include "decoder.h"
#include "noise.h"

namespace transformer_lm {
namespace {

using Context = nopos::Architecture::Context;

/// `--decoder-layers-to-keep`, sorted: layer kept[i] of a checkpoint becomes layer i.
std::vector<std::int64_t> kept_layers(const Options& o) {
  if (!o.decoder_layers_to_keep || o.decoder_layers_to_keep->empty()) return {};
  nopos::OptionInfo list;
  list.name = "decoder-layers-to-keep";
  list.type = nopos::OptionType::integers;
  list.min = 0;
  auto kept = std::get<std::vector<std::int64_t>>(
      parse_value(list, *o.decoder_layers_to_keep, "architecture/transformer_lm"));
  std::sort(kept.begin(), kept.end());
  if (std::adjacent_find(kept.begin(), kept.end()) != kept.end())
    refuse("--decoder-layers-to-keep " + *o.decoder_layers_to_keep + " names a layer twice.");
  return kept;
}

std::string number(std::int64_t n) { return std::to_string(n); }

/// What the rarer options ask of the others.
void check_additions(const Options& o) {
  if (o.offload_activations && !at::hasCUDA()) {
    refuse(
        "--offload-activations moves activations from a GPU to host memory, and there is no GPU. Use "
        "--checkpoint-activations to save memory.");
  }
  if (o.decoder_layers_to_keep && o.base_layers > 0)
    refuse("--decoder-layers-to-keep cannot be combined with --base-layers.");
  if (o.character_embeddings && o.adaptive_input)
    refuse("--character-embeddings and --adaptive-input are both token embeddings; choose one.");
  if (o.character_embeddings && o.share_decoder_input_output_embed && !o.adaptive_softmax_cutoff)
    refuse(
        "--share-decoder-input-output-embed cannot share --character-embeddings: they have no row per "
        "token.");
  if (o.quant_noise_pq > 0 && !o.adaptive_input && !o.character_embeddings &&
      o.decoder_input_dim != o.decoder_embed_dim) {
    refuse(
        "--quant-noise-pq adds a square projection after the embedding and needs equal dimensions, but "
        "--decoder-input-dim is " +
        number(o.decoder_input_dim) + " and --decoder-embed-dim " + number(o.decoder_embed_dim) + ".");
  }
}

/// What no single option's range can say.
void check(const Options& o, const Context& context) {
  if (o.decoder_embed_dim % o.decoder_attention_heads != 0) {
    refuse("--decoder-embed-dim " + number(o.decoder_embed_dim) +
           " is not a multiple of --decoder-attention-heads " + number(o.decoder_attention_heads) + ".");
  }
  check_additions(o);
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
      refuse("--tie-adaptive-weights needs equal dimensions, but --decoder-input-dim is " +
             number(o.decoder_input_dim) + ", --decoder-embed-dim " + number(o.decoder_embed_dim) +
             " and --decoder-output-dim " + number(o.decoder_output_dim) + ".");
    }
  } else if (o.share_decoder_input_output_embed && !o.adaptive_softmax_cutoff) {
    if (o.adaptive_input) refuse("--share-decoder-input-output-embed cannot share an adaptive input.");
    if (o.decoder_input_dim != o.decoder_output_dim) {
      refuse("--share-decoder-input-output-embed needs equal dimensions, but --decoder-input-dim is " +
             number(o.decoder_input_dim) + " and --decoder-output-dim " + number(o.decoder_output_dim) + ".");
    }
    if (context.vocabulary != context.output_vocabulary) {
      refuse("--share-decoder-input-output-embed needs one dictionary, but the source has " +
             number(context.vocabulary) + " types and the target " + number(context.output_vocabulary) + ".");
    }
  }
}

class TransformerLM final : public nopos::Architecture {
 public:
  using Options = transformer_lm::Options;

  TransformerLM(Options options, const Context& context) : kept_layers_(kept_layers(options)) {
    check(options, context);
    if (!kept_layers_.empty()) options.decoder_layers = static_cast<std::int64_t>(kept_layers_.size());
    decoder_ = register_module("decoder", std::make_shared<Decoder>(options, context));
    add_noise(*decoder_, options);
  }

  at::Tensor features(const nopos::Batch& batch, const nopos::ForwardOptions& options) override {
    return decoder_->features(batch, options);
  }
  std::shared_ptr<nopos::DecodingState> decoding_state(std::int64_t rows, std::int64_t planned) override {
    return decoder_->decoding_state(rows, planned);
  }
  nopos::OutputHead& head() override { return decoder_->head(); }
  std::int64_t max_positions() const override { return decoder_->max_positions(); }
  std::string summary() const override { return decoder_->summary(); }
  std::vector<std::optional<std::string>> own_names(const std::vector<std::string>& saved) const override;

 private:
  std::vector<std::int64_t> kept_layers_;
  std::shared_ptr<Decoder> decoder_;
};

std::vector<std::optional<std::string>> TransformerLM::own_names(
    const std::vector<std::string>& saved) const {
  static const std::regex of_layer(R"((decoder\.layers\.)(\d+)(\..*))");
  std::vector<std::optional<std::string>> names(saved.begin(), saved.end());
  if (kept_layers_.empty()) return names;
  std::set<std::string> layers;
  std::smatch parts;
  for (const std::string& name : saved) {
    if (std::regex_match(name, parts, of_layer)) layers.insert(parts[2]);
  }
  if (layers.size() == kept_layers_.size()) return names;  // pruned before it was saved
  for (std::size_t i = 0; i < saved.size(); ++i) {
    if (!std::regex_match(saved[i], parts, of_layer)) continue;
    const auto kept = std::find(kept_layers_.begin(), kept_layers_.end(), std::stoll(parts[2]));
    names[i].reset();
    if (kept != kept_layers_.end())
      names[i] = parts[1].str() + std::to_string(kept - kept_layers_.begin()) + parts[3].str();
  }
  return names;
}

}  // namespace
}  // namespace transformer_lm

NOPOS_PLUGIN(plugin) {
  plugin.add<transformer_lm::TransformerLM>("transformer_lm", "decoder-only transformer language model");
}
