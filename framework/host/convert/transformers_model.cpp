#include "transformers_model.h"

#include <algorithm>
#include <cmath>

#include "modeling_nopos.h"
#include "nopos/dictionary.h"
#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/strings.h"
#include "opt_layout.h"
#include "safetensors_model.h"
#include "settings/model_settings.h"
#include "stored_tensors.h"
#include "tensor_numbers.h"
#include "transformers_tokenizer.h"

namespace nopos::host {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t first_position = Dictionary::pad + 1;  // row of the first token

/// Options that make a model which neither OPT nor modeling_nopos.py computes.
constexpr std::pair<const char*, const char*> inexpressible[] = {
    {"adaptive-softmax-cutoff", "an adaptive softmax"},
    {"adaptive-input", "an adaptive input"},
    {"character-embeddings", "character embeddings"},
    {"base-layers", "BASE layers"},
    {"quant-noise-pq", "the projection that quantization noise adds after the embedding"},
    {"quant-noise-scalar", "weights rounded to 8 bits (scalar quantization noise)"}};

/// Options of a model that OPT has not.
constexpr const char* beyond_opt[] = {"layernorm-embedding", "scale-fc", "scale-attn", "scale-heads",
                                      "scale-resids"};

bool is_on(const ModelSettings& model, const std::string& option) {
  if (option == "adaptive-softmax-cutoff") return model.given(option);
  if (option.starts_with("quant-noise")) return model.number(option) > 0;
  return model.flag(option);
}

[[noreturn]] void refuse(const CheckpointFile& file, const std::string& what) {
  throw Error(ExitCode::configuration, file.name() + " holds a model with " + what +
                                           ", which transformers does not support. Without --for, convert "
                                           "writes its tensors under their own names.");
}

/// What is left of the settings once everything that cannot be expressed is refused.
struct Shape {
  std::string positions = "none";  // what is added: none, sinusoidal, learned
  bool alibi = false, tied = false, final_norm = false, as_opt = true;
  std::int64_t dim = 0, input_dim = 0, output_dim = 0, layers = 0, vocabulary = 0, max_positions = 0;
  double scale = 1;
};

void read_encodings(const CheckpointFile& file, const ModelSettings& model, Shape& shape) {
  if (!model.layer_list.empty()) refuse(file, "the positional encodings " + model.layer_list);
  for (const std::string& name : model.encodings) {
    const bool added = name == "sinusoidal" || name == "learned";
    if (name == "alibi" && !shape.alibi) {
      shape.alibi = true;
    } else if (added && shape.positions == "none") {
      shape.positions = name;
    } else if (name != "none") {
      refuse(file, "the positional encoding " + join(model.encodings, "+") +
                       " (supported: none, sinusoidal, learned, alibi, and one of these with alibi)");
    }
  }
}

std::int64_t layers_of(const StoredTensors& tensors) {
  std::int64_t layers = 0;
  while (tensors.find("decoder.layers." + std::to_string(layers) + ".fc1.weight") != nullptr) ++layers;
  return layers;
}

Shape shape_of(const CheckpointFile& file, const ModelSettings& model, const StoredTensors& tensors,
               const TransformersOptions& options) {
  if (model.architecture != "transformer_lm") refuse(file, "the architecture " + model.architecture);
  for (const auto& [option, what] : inexpressible) {
    if (is_on(model, option)) refuse(file, what + std::string(" (--") + option + ")");
  }
  Shape shape;
  read_encodings(file, model, shape);
  const SafeTensor* const embedding = tensors.find("decoder.embed_tokens.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    throw Error(ExitCode::data, file.name() + " has no table decoder.embed_tokens.weight: it is damaged.");
  }
  shape.tied = model.flag("share-decoder-input-output-embed");
  shape.final_norm = tensors.find("decoder.layer_norm.weight") != nullptr;
  shape.dim = model.whole("decoder-embed-dim");
  shape.input_dim = model.whole("decoder-input-dim"), shape.output_dim = model.whole("decoder-output-dim");
  shape.layers = layers_of(tensors);
  shape.vocabulary = embedding->shape[0];
  if (!model.flag("no-scale-embedding")) shape.scale = std::sqrt(static_cast<double>(shape.dim));
  shape.max_positions = options.max_positions.value_or(model.max_positions.value_or(0));
  if (shape.positions == "learned") {
    const SafeTensor* const table = tensors.find("decoder.embed_positions.weight");
    const std::int64_t rows = table == nullptr || table->shape.empty() ? 0 : table->shape[0] - first_position;
    if (options.max_positions && *options.max_positions != rows) {
      throw Error(ExitCode::configuration, "--max-target-positions is " +
                                               std::to_string(*options.max_positions) + ", but " +
                                               file.name() + " has learned " + std::to_string(rows) +
                                               " positions: leave the flag out.");
    }
    shape.max_positions = rows;
  }
  if (shape.max_positions < 1) {
    throw Error(
        ExitCode::configuration,
        file.name() + " does not record its sequence length: give --max-target-positions, such as 512.");
  }
  shape.as_opt = !shape.alibi && shape.input_dim == shape.output_dim &&
                 std::none_of(std::begin(beyond_opt), std::end(beyond_opt),
                              [&](const char* option) { return model.flag(option); });
  return shape;
}

void add_common(Json& config, const ModelSettings& model, const Shape& shape) {
  config["vocab_size"] = shape.vocabulary;
  config["hidden_size"] = shape.dim;
  config["num_hidden_layers"] = shape.layers;
  config["num_attention_heads"] = model.whole("decoder-attention-heads");
  config["max_position_embeddings"] = shape.max_positions;
  config["torch_dtype"] = "float32";  // what nopos-host computes in, whatever type holds the weights
  config["bos_token_id"] = Dictionary::bos;
  config["pad_token_id"] = Dictionary::pad;
  config["eos_token_id"] = Dictionary::eos;
}

const char* opt_activation(const std::string& name) {
  if (name == "gelu_fast" || name == "gelu_accurate") return "gelu_pytorch_tanh";
  for (const char* same : {"relu", "gelu", "tanh", "linear"}) {
    if (name == same) return same;
  }
  throw Error(ExitCode::configuration, "transformers has no activation '" + name + "'.");
}

std::string hexadecimal(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[byte & 15];
  }
  return text;
}

/// The folder of an OPT in the making.
class OptFolder {
 public:
  OptFolder(const CheckpointFile& file, const ModelSettings& model, const StoredTensors& stored,
            const Shape& shape)
      : file_(file), shape_(shape) {
    // a head of its own where the embeddings carry a factor that the tied head must not have
    const bool tied = shape.tied && shape.scale == 1;
    for (const SafeTensor& tensor : stored.list) add(tensor, tied);
    const bool has_head = std::any_of(tensors.begin(), tensors.end(), [](const SafeTensor& tensor) {
      return tensor.name == "lm_head.weight";
    });
    if (!tied && !has_head) {  // old files of fairseq leave a tied head out
      SafeTensor head = *stored.find("decoder.embed_tokens.weight");
      head.name = "lm_head.weight";
      tensors.push_back(head);
    }
    if (shape.positions != "learned") {
      const std::int64_t rows = shape.max_positions + first_position;
      made(bytes_of(position_table(rows, shape.dim, shape.positions == "sinusoidal"), "F32"),
           "model.decoder.embed_positions.weight", "F32", {rows, shape.dim}, tensors);
    }
    describe(model, stored, tied);
  }

  Json config;
  std::vector<SafeTensor> tensors, beside;  // beside: for the way back alone

 private:
  void made(std::string bytes, const std::string& name, const char* dtype, std::vector<std::int64_t> sizes,
            std::vector<SafeTensor>& list) {
    list.push_back({name, dtype, std::move(sizes), numbers_.emplace_back(std::move(bytes))});
  }

  void add(const SafeTensor& tensor, bool tied) {
    const std::string name = opt_name(tensor.name);
    if (name.empty()) {
      const bool constant = tensor.name.ends_with("version") || tensor.name.ends_with("_float_tensor");
      if (!constant) {
        throw Error(
            ExitCode::configuration,
            file_.name() + " has tensor '" + tensor.name +
                "', which does not exist in OPT. Without --for, convert writes it under its own name.");
      }
      kept_[tensor.name] = {
          {"type", tensor.dtype}, {"shape", tensor.shape}, {"bytes", hexadecimal(tensor.bytes)}};
    } else if (name == "model.decoder.embed_tokens.weight" && shape_.scale != 1) {
      add_scaled(tensor, name);
    } else if (name != "lm_head.weight" || !tied) {
      tensors.push_back(tensor);
      tensors.back().name = name;
    }
  }

  void add_scaled(const SafeTensor& tensor, const std::string& name) {
    const std::vector<float> original = floats_of(tensor), product = scaled(original, shape_.scale);
    embedding_type_ = tensor.dtype;
    made(bytes_of(product, "F32"), name, "F32", tensor.shape, tensors);
    if (tensor.dtype != "F32") return;  // narrower ones come back by rounding
    const std::vector<std::int8_t> places = places_off(original, product, shape_.scale);
    if (std::all_of(places.begin(), places.end(), [](std::int8_t place) { return place == 0; })) return;
    made({reinterpret_cast<const char*>(places.data()), places.size()}, "embed_tokens.places", "I8",
         tensor.shape, beside);
  }

  void describe(const ModelSettings& model, const StoredTensors& stored, bool tied) {
    config["architectures"] = {"OPTForCausalLM"};
    config["model_type"] = "opt";
    add_common(config, model, shape_);
    config["ffn_dim"] = model.whole("decoder-ffn-embed-dim");
    config["word_embed_proj_dim"] = shape_.input_dim;
    config["do_layer_norm_before"] = model.flag("decoder-normalize-before");
    config["_remove_final_layer_norm"] = !shape_.final_norm;
    config["activation_function"] = opt_activation(model.text("activation-fn"));
    config["dropout"] = model.number("dropout");
    config["attention_dropout"] = model.number("attention-dropout");
    config["layerdrop"] = model.number("decoder-layerdrop");
    config["enable_bias"] = config["layer_norm_elementwise_affine"] = true;
    config["tie_word_embeddings"] = tied;
    config["positional_encoding"] = model.encodings;
    config["nopos_checkpoint"] = {{"tensors", stored.names},
                                  {"tied", stored.tied},
                                  {"root", plain_root(file_)},
                                  {"opt",
                                   {{"embed_scale", shape_.scale},
                                    {"embed_type", embedding_type_},
                                    {"tied", shape_.tied},
                                    {"positions", shape_.positions},
                                    {"kept", std::move(kept_)}}}};
  }

  const CheckpointFile& file_;
  const Shape& shape_;
  std::string embedding_type_;
  Json kept_ = Json::object();
  std::deque<std::string> numbers_;
};

/// For modeling_nopos.py, beside what the folder holds anyway.
Json remote_config(const CheckpointFile& file, const ModelSettings& model, const StoredTensors& stored,
                   const Shape& shape) {
  Json config = model_config(file, stored);
  config["architectures"] = {"NoPosForCausalLM"};
  config["model_type"] = "nopos";
  config["auto_map"] = {{"AutoConfig", "modeling_nopos.NoPosConfig"},
                        {"AutoModelForCausalLM", "modeling_nopos.NoPosForCausalLM"}};
  add_common(config, model, shape);
  config["tie_word_embeddings"] = shape.tied;
  config["use_cache"] = false;
  Json& settings = config["nopos_model"];
  settings = {{"embed_dim", shape.dim},
              {"input_dim", shape.input_dim},
              {"output_dim", shape.output_dim},
              {"ffn_dim", model.whole("decoder-ffn-embed-dim")},
              {"layers", shape.layers},
              {"heads", model.whole("decoder-attention-heads")},
              {"max_positions", shape.max_positions},
              {"positions", shape.positions},
              {"alibi", shape.alibi},
              {"embed_scale", shape.scale},
              {"activation", model.text("activation-fn")},
              {"normalize_before", model.flag("decoder-normalize-before")},
              {"final_norm", shape.final_norm},
              {"dropout", model.number("dropout")},
              {"attention_dropout", model.number("attention-dropout")}};
  for (const std::string option : beyond_opt) settings[underscored(option)] = model.flag(option);
  return config;
}

}  // namespace

std::vector<std::string> checkpoint_to_transformers(const fs::path& checkpoint, const fs::path& folder,
                                                    const registry::Catalogue& catalogue,
                                                    const TransformersOptions& options) {
  const CheckpointFile file(checkpoint);
  const ModelSettings model(file, catalogue);
  const StoredTensors stored(file);
  const Shape shape = shape_of(file, model, stored, options);
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) refuse_existing(folder / name);
  std::vector<std::string> said;
  if (shape.as_opt) {
    const OptFolder opt(file, model, stored, shape);
    refuse_existing(folder / "nopos.safetensors");
    write_model_folder(folder, opt.config, opt.tensors);
    if (!opt.beside.empty()) {
      NewFile target(folder / "nopos.safetensors");
      write_safetensors(opt.beside, {}, [&](std::string_view bytes) { target.append(bytes); });
      target.publish();
    }
    said.push_back("AutoModelForCausalLM loads it as OPTForCausalLM");
  } else {
    refuse_existing(folder / "modeling_nopos.py");
    write_model_folder(folder, remote_config(file, model, stored, shape), stored.list);
    replace_file(folder / "modeling_nopos.py", modeling_nopos);
    said.push_back(
        "AutoModelForCausalLM loads it through modeling_nopos.py, with trust_remote_code=True: OPT has no " +
        std::string(shape.alibi ? "ALiBi" : "such layers"));
  }
  said.push_back(write_tokenizer(folder, file, catalogue,
                                 {options.data, options.tokenizer, shape.vocabulary, shape.max_positions}));
  return said;
}

}  // namespace nopos::host
