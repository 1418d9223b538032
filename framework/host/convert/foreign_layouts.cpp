#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "foreign_layout.h"
#include "nopos/dictionary.h"
#include "nopos/error.h"
#include "opt_layout.h"
#include "tensor_numbers.h"

namespace nopos::host {
namespace {

struct Sizes {
  std::int64_t vocabulary, dim, inner, layers, heads, positions;
};

void put_settings(ForeignModel& model, const Sizes& sizes, const std::string& activation) {
  Json& settings = model.settings;
  settings["activation-fn"] = activation;
  settings["decoder-embed-dim"] = settings["decoder-input-dim"] = settings["decoder-output-dim"] = sizes.dim;
  settings["decoder-ffn-embed-dim"] = sizes.inner;
  settings["decoder-layers"] = sizes.layers;
  settings["decoder-attention-heads"] = sizes.heads;
  settings["no-scale-embedding"] = true;
  settings["decoder-normalize-before"] = true;
  settings["no-decoder-final-norm"] = false;
  settings["share-decoder-input-output-embed"] = false;
  settings["adaptive-softmax-cutoff"] = nullptr;
  settings["adaptive-input"] = settings["alibi"] = false;
  settings["tokens-per-sample"] = settings["max-target-positions"] = sizes.positions;
  if (sizes.heads < 1 || sizes.dim < 1 || sizes.dim % sizes.heads != 0) {
    model.cannot("a dimension of " + std::to_string(sizes.dim) + " for " + std::to_string(sizes.heads) +
                 " heads: the dimension must be a multiple of their number");
  }
  if (sizes.layers < 1) model.cannot("a model without layers");
}

void put_dropout(ForeignModel& model, double residual, double attention) {
  model.settings["dropout"] = residual;
  model.settings["attention-dropout"] = attention;
  model.settings["activation-dropout"] = 0.0;
}

void use_positions(ForeignModel& model, bool learned) {
  model.settings["no-token-positional-embeddings"] = !learned;
  model.settings["decoder-learned-pos"] = learned;
}

std::vector<std::int64_t> range(std::int64_t begin, std::int64_t size) {
  std::vector<std::int64_t> list(static_cast<std::size_t>(size));
  std::iota(list.begin(), list.end(), begin);
  return list;
}

/// Which token of the model each type of a dictionary is, -1 for none of them.
std::vector<std::int64_t> tokens_of(const ForeignModel& model, const std::optional<std::string>& file,
                                    std::int64_t vocabulary) {
  if (!file) {
    throw Error(ExitCode::usage,
                model.folder().path().string() + " has tokens 0 to " + std::to_string(vocabulary - 1) +
                    " and no special symbols: give --dict, the dict.txt of the data to evaluate it with, "
                    "whose symbols are these numbers (preprocess --tokenizer gpt2_bpe).");
  }
  const Dictionary dictionary = Dictionary::load(*file);
  const std::int64_t end = model.whole("eos_token_id", vocabulary - 1);
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(dictionary.size()), -1);
  std::vector<bool> found(static_cast<std::size_t>(vocabulary), false);
  const auto claim = [&](std::int64_t type, std::int64_t token) {
    if (token < 0 || token >= vocabulary || found[static_cast<std::size_t>(token)]) return;
    found[static_cast<std::size_t>(token)] = true;
    tokens[static_cast<std::size_t>(type)] = token;
  };
  claim(Dictionary::eos, end);  // before its own number, which no text gives
  for (std::int64_t type = Dictionary::num_special; type < dictionary.size(); ++type) {
    const std::string_view symbol = dictionary.symbol(type);
    std::int64_t token = -1;
    const auto read = std::from_chars(symbol.data(), symbol.data() + symbol.size(), token);
    if (read.ec == std::errc() && read.ptr == symbol.data() + symbol.size()) claim(type, token);
  }
  const auto lacking = std::count(found.begin(), found.end(), false);
  if (lacking > 0) {
    const auto first = std::find(found.begin(), found.end(), false) - found.begin();
    throw Error(ExitCode::data, *file + " lacks " + std::to_string(lacking) + " of the model's " +
                                    std::to_string(vocabulary) + " tokens, the first of them " +
                                    std::to_string(first) + ": add lines such as \"" + std::to_string(first) +
                                    " 0\" at its end, so that their probability is counted.");
  }
  return tokens;
}

/// A row of the output map whose product with whatever the final norm gives is -`size`: the norm's output is
/// weight * n + bias with numbers n that sum to 0, so the row c / weight gives c * sum(bias / weight).
std::vector<float> constant_row(ForeignModel& model, const SafeTensor& weight, const SafeTensor& bias) {
  constexpr double size = 1e4;  // far below every other
  const std::vector<float> weights = floats_of(weight), biases = floats_of(bias);
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) sum += static_cast<double>(biases[i]) / weights[i];
  if (!std::isfinite(sum) || std::abs(sum) < 0.01) {
    model.cannot(
        "a vocabulary without special symbols: they need a probability of 0, which a final layer norm with "
        "these biases cannot produce");
    model.refuse_reasons();
  }
  std::vector<float> row(weights.size());
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(-size / sum / weights[i]);
  return row;
}

/// The rows of `table` that `tokens` name; `other` for types that are none.
SafeTensor by_type(ForeignModel& model, const SafeTensor& table, const std::vector<std::int64_t>& tokens,
                   const std::vector<float>& other) {
  const std::vector<float> numbers = floats_of(table);
  std::vector<float> all;
  all.reserve(tokens.size() * other.size());
  for (const std::int64_t token : tokens) {
    const auto row = numbers.begin() + token * static_cast<std::int64_t>(other.size());
    token < 0 ? all.insert(all.end(), other.begin(), other.end())
              : all.insert(all.end(), row, row + static_cast<std::int64_t>(other.size()));
  }
  return model.of_numbers({static_cast<std::int64_t>(tokens.size()), table.shape[1]}, all);
}

/// Embeddings and head for the types of the dictionary. The final norm is in place already.
void put_vocabulary(ForeignModel& model, const SafeTensor& embedding, const SafeTensor& head,
                    const std::vector<std::int64_t>& tokens) {
  const auto tensor = [&](const std::string& name) -> const SafeTensor& {
    return *std::find_if(model.tensors.begin(), model.tensors.end(),
                         [&](const SafeTensor& one) { return one.name == name; });
  };
  const std::vector<float> never =
      constant_row(model, tensor("decoder.layer_norm.weight"), tensor("decoder.layer_norm.bias"));
  model.put("decoder.embed_tokens.weight",
            by_type(model, embedding, tokens, std::vector<float>(never.size(), 0.0F)));
  model.put("decoder.output_projection.weight", by_type(model, head, tokens, never));
}

}  // namespace

void read_opt(ForeignModel& model) {
  const std::int64_t dim = model.whole("hidden_size", 768), width = model.whole("word_embed_proj_dim", dim);
  const Sizes sizes{model.whole("vocab_size", 50272),       dim,
                    model.whole("ffn_dim", 3072),           model.whole("num_hidden_layers", 12),
                    model.whole("num_attention_heads", 12), model.whole("max_position_embeddings", 2048)};
  put_settings(model, sizes, activation_here(model, model.text("activation_function", "relu")));
  put_dropout(model, model.number("dropout", 0.1), model.number("attention_dropout", 0));
  use_positions(model, true);
  const bool before = model.flag("do_layer_norm_before", true), biases = model.flag("enable_bias", true),
             affine = model.flag("layer_norm_elementwise_affine", true),
             final_norm = before && !model.flag("_remove_final_layer_norm", false),
             tied = model.flag("tie_word_embeddings", true);
  model.settings["decoder-layerdrop"] = model.number("layerdrop", 0);
  model.settings["decoder-normalize-before"] = before;
  model.settings["no-decoder-final-norm"] = !final_norm;
  model.settings["share-decoder-input-output-embed"] = tied;
  model.settings["decoder-input-dim"] = model.settings["decoder-output-dim"] = width;
  const std::int64_t padding = model.whole("pad_token_id", Dictionary::pad);
  if (padding != Dictionary::pad) {
    model.cannot("padding as token " + std::to_string(padding) + " (pad_token_id): here it is token 1");
  }
  model.refuse_reasons();

  const auto place = [&](const std::string& ours) {  // the model may have been saved without its head
    const std::string name = opt_name(ours);
    return !model.has(name) && name.starts_with("model.") ? name.substr(6) : name;
  };
  const auto put = [&](const std::string& ours, const std::vector<std::int64_t>& shape) {
    model.put(ours, model.take(place(ours), shape));
  };
  const auto put_map = [&](const std::string& ours, std::int64_t out, std::int64_t in) {
    put(ours + ".weight", {out, in});
    biases ? put(ours + ".bias", {out}) : model.put(ours + ".bias", model.filled({out}, 0));
  };
  const auto put_norm = [&](const std::string& ours) {
    if (!affine) return model.put(ours, model.filled({dim}, 1), model.filled({dim}, 0));
    put(ours + ".weight", {dim});
    put(ours + ".bias", {dim});
  };
  put("decoder.embed_tokens.weight", {sizes.vocabulary, width});
  if (width != dim) put("decoder.project_in_dim.weight", {dim, width});
  put("decoder.embed_positions.weight", {sizes.positions + Dictionary::pad + 1, dim});
  for (std::int64_t i = 0; i < sizes.layers; ++i) {
    const std::string layer = "decoder.layers." + std::to_string(i) + ".";
    for (const char* map : {"k_proj", "v_proj", "q_proj", "out_proj"})
      put_map(layer + "self_attn." + map, dim, dim);
    put_norm(layer + "self_attn_layer_norm");
    put_map(layer + "fc1", sizes.inner, dim);
    put_map(layer + "fc2", dim, sizes.inner);
    put_norm(layer + "final_layer_norm");
  }
  if (final_norm) put_norm("decoder.layer_norm");
  if (width != dim) put("decoder.project_out_dim.weight", {width, dim});
  if (!tied || model.has("lm_head.weight")) {
    put("decoder.output_projection.weight", {sizes.vocabulary, width});
  } else {
    model.put("decoder.output_projection.weight",
              model.take(place("decoder.embed_tokens.weight"), {sizes.vocabulary, width}));
  }
  model.refuse_unused({});
}

void read_gpt2(ForeignModel& model, const std::optional<std::string>& dictionary) {
  const std::int64_t dim = model.whole("n_embd", 768);
  const Sizes sizes{model.whole("vocab_size", 50257), dim,
                    model.whole("n_inner", 4 * dim),  model.whole("n_layer", 12),
                    model.whole("n_head", 12),        model.whole("n_positions", 1024)};
  put_settings(model, sizes, activation_here(model, model.text("activation_function", "gelu_new")));
  put_dropout(model, model.number("resid_pdrop", 0.1), model.number("attn_pdrop", 0.1));
  use_positions(model, true);
  check_epsilon(model, "layer_norm_epsilon");
  if (!model.flag("scale_attn_weights", true)) {
    model.cannot(
        "attention scores that are not divided by the square root of the head dimension "
        "(scale_attn_weights)");
  }
  if (model.flag("scale_attn_by_inverse_layer_idx", false)) {
    model.cannot("attention scores divided by the layer index (scale_attn_by_inverse_layer_idx)");
  }
  if (model.flag("add_cross_attention", false)) model.cannot("cross-attention (add_cross_attention)");
  model.refuse_reasons();
  const std::vector<std::int64_t> tokens = tokens_of(model, dictionary, sizes.vocabulary);

  const std::string top = model.has("wte.weight") ? "" : "transformer.";
  const auto norm = [&](const std::string& ours, const std::string& theirs) {
    model.put(ours, model.take(theirs + ".weight", {dim}), model.take(theirs + ".bias", {dim}));
  };
  const auto map = [&](const std::string& ours, const std::string& theirs, std::int64_t in,
                       std::int64_t out) {
    model.put(ours, model.turned(model.take(theirs + ".weight", {in, out})),
              model.take(theirs + ".bias", {out}));
  };
  const SafeTensor& positions = model.take(top + "wpe.weight", {sizes.positions, dim});
  std::vector<float> table(static_cast<std::size_t>((Dictionary::pad + 1) * dim), 0.0F);
  const std::vector<float> rows = floats_of(positions);
  table.insert(table.end(), rows.begin(), rows.end());
  model.put("decoder.embed_positions.weight",
            model.of_numbers({sizes.positions + Dictionary::pad + 1, dim}, table));
  for (std::int64_t i = 0; i < sizes.layers; ++i) {
    const std::string layer = "decoder.layers." + std::to_string(i) + ".";
    const std::string block = top + "h." + std::to_string(i) + ".";
    const SafeTensor joint = model.turned(model.take(block + "attn.c_attn.weight", {dim, 3 * dim}));
    const SafeTensor& bias = model.take(block + "attn.c_attn.bias", {3 * dim});
    std::int64_t begin = 0;
    for (const char* part : {"q_proj", "k_proj", "v_proj"}) {
      const std::vector<std::int64_t> part_rows = range(begin, dim);
      model.put(layer + "self_attn." + part, model.rows(joint, part_rows), model.rows(bias, part_rows));
      begin += dim;
    }
    map(layer + "self_attn.out_proj", block + "attn.c_proj", dim, dim);
    norm(layer + "self_attn_layer_norm", block + "ln_1");
    map(layer + "fc1", block + "mlp.c_fc", dim, sizes.inner);
    map(layer + "fc2", block + "mlp.c_proj", sizes.inner, dim);
    norm(layer + "final_layer_norm", block + "ln_2");
  }
  norm("decoder.layer_norm", top + "ln_f");
  const SafeTensor& embedding = model.take(top + "wte.weight", {sizes.vocabulary, dim});
  const bool own_head = model.has("lm_head.weight");
  put_vocabulary(model, embedding,
                 own_head ? model.take("lm_head.weight", {sizes.vocabulary, dim}) : embedding, tokens);
  model.refuse_unused({".attn.bias", ".attn.masked_bias"});
}

void read_gpt_neox(ForeignModel& model, const std::optional<std::string>& dictionary) {
  const std::int64_t dim = model.whole("hidden_size", 6144);
  const Sizes sizes{model.whole("vocab_size", 50432),        dim,
                    model.whole("intermediate_size", 24576), model.whole("num_hidden_layers", 44),
                    model.whole("num_attention_heads", 64),  model.whole("max_position_embeddings", 2048)};
  put_settings(model, sizes, activation_here(model, model.text("hidden_act", "gelu")));
  put_dropout(model, model.number("hidden_dropout", 0), model.number("attention_dropout", 0));
  use_positions(model, false);
  check_epsilon(model, "layer_norm_eps");
  const double rotated = model.rotated_part();
  if (rotated != 0) {
    model.cannot("rotary positions on " + Json(rotated).dump() +
                 " of each head dimension (rotary_pct): no encoding here rotates queries and keys");
  }
  if (model.flag("use_parallel_residual", true)) {
    model.cannot(
        "attention and feed-forward in parallel (use_parallel_residual): here the second follows the first");
  }
  model.refuse_reasons();
  const std::vector<std::int64_t> tokens = tokens_of(model, dictionary, sizes.vocabulary);

  const bool biases = model.flag("attention_bias", true);
  const auto both = [&](const std::string& ours, const std::string& theirs, std::vector<std::int64_t> shape,
                        bool with_bias) {
    const SafeTensor& weight = model.take(theirs + ".weight", shape);
    model.put(ours, weight,
              with_bias ? model.take(theirs + ".bias", {shape[0]}) : model.filled({shape[0]}, 0));
  };
  const std::int64_t head = dim / sizes.heads;
  for (std::int64_t i = 0; i < sizes.layers; ++i) {
    const std::string layer = "decoder.layers." + std::to_string(i) + ".";
    const std::string block = "gpt_neox.layers." + std::to_string(i) + ".",
                      joint = block + "attention.query_key_value";
    const SafeTensor& weight = model.take(joint + ".weight", {3 * dim, dim});
    const SafeTensor bias = biases ? model.take(joint + ".bias", {3 * dim}) : model.filled({3 * dim}, 0);
    std::int64_t place = 0;  // each head has its query, key and value in a row
    for (const char* part : {"q_proj", "k_proj", "v_proj"}) {
      std::vector<std::int64_t> rows;
      for (std::int64_t h = 0; h < sizes.heads; ++h) {
        const std::vector<std::int64_t> of_head = range((3 * h + place) * head, head);
        rows.insert(rows.end(), of_head.begin(), of_head.end());
      }
      model.put(layer + "self_attn." + part, model.rows(weight, rows), model.rows(bias, rows));
      ++place;
    }
    both(layer + "self_attn.out_proj", block + "attention.dense", {dim, dim}, biases);
    both(layer + "self_attn_layer_norm", block + "input_layernorm", {dim}, true);
    both(layer + "fc1", block + "mlp.dense_h_to_4h", {sizes.inner, dim}, true);
    both(layer + "fc2", block + "mlp.dense_4h_to_h", {dim, sizes.inner}, true);
    both(layer + "final_layer_norm", block + "post_attention_layernorm", {dim}, true);
  }
  both("decoder.layer_norm", "gpt_neox.final_layer_norm", {dim}, true);
  const SafeTensor& embedding = model.take("gpt_neox.embed_in.weight", {sizes.vocabulary, dim});
  const std::string head_name = model.has("lm_head.weight") ? "lm_head.weight" : "embed_out.weight";
  put_vocabulary(model, embedding,
                 model.flag("tie_word_embeddings", false) && !model.has(head_name)
                     ? embedding
                     : model.take(head_name, {sizes.vocabulary, dim}),
                 tokens);
  model.refuse_unused({".rotary_emb.inv_freq", ".attention.bias", ".attention.masked_bias"});
}

}  // namespace nopos::host
