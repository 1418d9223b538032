#include "safetensors_model.h"

#include <algorithm>
#include <map>
#include <set>

#include "checkpoint_file.h"
#include "container.h"
#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/printable.h"
#include "nopos/safetensors.h"
#include "plain_tree.h"

namespace nopos::host {
namespace {

namespace fs = std::filesystem;

constexpr const char* tensors_file = "model.safetensors";
constexpr const char* config_file = "config.json";
constexpr const char* own_key = "nopos_checkpoint";
constexpr std::uint64_t largest_config = std::uint64_t{16} << 20;

/// Types of numbers in a checkpoint, in safetensors and in Hugging Face's configurations.
constexpr struct {
  const char *storage, *dtype, *torch;
} types[] = {{"FloatStorage", "F32", "float32"}, {"DoubleStorage", "F64", "float64"},
             {"HalfStorage", "F16", "float16"},  {"BFloat16Storage", "BF16", "bfloat16"},
             {"LongStorage", "I64", "int64"},    {"IntStorage", "I32", "int32"},
             {"ShortStorage", "I16", "int16"},   {"CharStorage", "I8", "int8"},
             {"ByteStorage", "U8", "uint8"},     {"BoolStorage", "BOOL", "bool"}};

/// Settings of the reference's model under the names that Hugging Face's configurations have for them.
constexpr std::pair<const char*, const char*> settings[] = {
    {"hidden_size", "decoder_embed_dim"},
    {"intermediate_size", "decoder_ffn_embed_dim"},
    {"num_hidden_layers", "decoder_layers"},
    {"num_attention_heads", "decoder_attention_heads"},
    {"hidden_act", "activation_fn"},
    {"max_position_embeddings", "max_target_positions"},
    {"hidden_dropout_prob", "dropout"},
    {"attention_probs_dropout_prob", "attention_dropout"},
    {"tie_word_embeddings", "share_decoder_input_output_embed"}};

bool is_contiguous(const PickledTensor& tensor) {
  std::int64_t expected = 1;
  for (std::size_t i = tensor.sizes.size(); i-- > 0;) {
    if (tensor.sizes[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.sizes[i];
  }
  return true;
}

/// The numbers of a tensor in order: in `storage` where they lie so, else gathered into `copies`.
std::string_view numbers_of(const PickledTensor& tensor, std::string_view storage,
                            std::vector<std::string>& copies) {
  const auto width = static_cast<std::size_t>(element_size(tensor.storage_type, "a tensor"));
  const auto count = static_cast<std::size_t>(tensor.elements());
  if (count == 0) return {};
  const char* const begin = storage.data() + static_cast<std::size_t>(tensor.offset) * width;
  if (is_contiguous(tensor)) return {begin, count * width};
  std::string& copy = copies.emplace_back();
  copy.reserve(count * width);
  std::vector<std::int64_t> index(tensor.sizes.size(), 0);
  for (std::size_t n = 0; n < count; ++n) {
    std::int64_t place = 0;
    for (std::size_t i = 0; i < index.size(); ++i) place += index[i] * tensor.strides[i];
    copy.append(begin + static_cast<std::size_t>(place) * width, width);
    for (std::size_t i = index.size(); i-- > 0 && ++index[i] == tensor.sizes[i];) index[i] = 0;
  }
  return copy;
}

/// Architecture and sizes as other programs look for them. What a file does not say is left out.
Json described_model(const CheckpointFile& file, const std::vector<SafeTensor>& tensors) {
  Json json = Json::object();
  const PickleNode* cfg = attributes_of(file.root().get("cfg"));
  const PickleNode* model = attributes_of(cfg != nullptr ? cfg->get("model") : file.root().get("args"));
  const auto setting = [&](const char* name) {
    const PickleNode* value = model == nullptr ? nullptr : model->get(name);
    return value == nullptr ? Json() : json_of(*value, file.name());
  };
  const Json name = setting("_name").is_null() ? setting("arch") : setting("_name");
  json["architectures"] = Json::array({name});
  json["model_type"] = name;
  for (const SafeTensor& tensor : tensors) {
    if (tensor.shape.size() != 2) continue;  // weights tell the precision; counters are integers
    const auto type = std::find_if(std::begin(types), std::end(types),
                                   [&](const auto& one) { return one.dtype == tensor.dtype; });
    json["torch_dtype"] = type->torch;
    break;
  }
  if (const PickleNode* own = file.own(); own != nullptr) {
    json["vocab_size"] = json_of(*own, file.name())["dictionary"]["size"];
  } else if (const auto embedding = std::find_if(
                 tensors.begin(), tensors.end(),
                 [](const SafeTensor& tensor) { return tensor.name == "decoder.embed_tokens.weight"; });
             embedding != tensors.end() && !embedding->shape.empty()) {
    json["vocab_size"] = embedding->shape[0];
  }
  for (const auto& [theirs, ours] : settings) {
    if (Json value = setting(ours); !value.is_null()) json[theirs] = std::move(value);
  }
  Json encodings = Json::array();
  if (file.own() != nullptr) {
    for (const PickleNode* one :
         file.own()->at("positional_encoding", "'nopos'").as_sequence("positional_encoding")) {
      encodings.push_back(one->at("name", "a component").as_text("name of a component"));
    }
  } else {
    if (setting("no_token_positional_embeddings") != true) {
      encodings.push_back(setting("decoder_learned_pos") == true ? "learned" : "sinusoidal");
    }
    if (setting("alibi") == true) encodings.push_back("alibi");
    if (encodings.empty()) encodings.push_back("none");
  }
  json["positional_encoding"] = std::move(encodings);
  return json;
}

void refuse_existing(const fs::path& file) {
  if (fs::exists(file)) {
    throw Error(ExitCode::data,
                file.string() + " exists; nothing was written. Remove it or name another place.");
  }
}

Json read_config(const fs::path& file) {
  std::error_code error;
  if (const auto size = fs::file_size(file, error); !error && size > largest_config) {
    throw Error(ExitCode::data, file.string() + " has " + std::to_string(size) + " bytes, more than " +
                                    std::to_string(largest_config) + ": it is no configuration of a model.");
  }
  Json json = registry::read_json(file, ExitCode::data);
  const auto own = json.is_object() ? json.find(own_key) : json.end();
  if (own == json.end() || !own->is_object() || !own->contains("tensors") || !own->contains("root") ||
      !(*own)["tensors"].is_array() || !(*own)["root"].is_object()) {
    throw Error(ExitCode::data,
                file.string() + " has no '" + own_key +
                    "', which nopos-host convert writes: a model of another program does not say "
                    "what a checkpoint needs.");
  }
  return *own;
}

/// The tensors in the order of the state dict. \throws Error (data) where the two files do not fit.
std::vector<const SafeTensor*> in_order(const SafetensorsReader& reader, const Json& names,
                                        const fs::path& folder) {
  std::map<std::string, const SafeTensor*> found;
  for (const SafeTensor& tensor : reader.tensors()) found[tensor.name] = &tensor;
  std::vector<const SafeTensor*> list;
  for (const Json& name : names) {
    const auto tensor = name.is_string() ? found.find(name.get<std::string>()) : found.end();
    if (tensor == found.end()) {
      throw Error(ExitCode::data, (folder / tensors_file).string() + " has no tensor " +
                                      printable(json_text(name), 200) + ", which " + config_file +
                                      " names (once).");
    }
    list.push_back(tensor->second);
    found.erase(tensor);
  }
  if (!found.empty()) {
    throw Error(ExitCode::data, (folder / tensors_file).string() + " has tensor '" +
                                    printable(found.begin()->first, 200) + "', which " + config_file +
                                    " does not name.");
  }
  return list;
}

}  // namespace

void checkpoint_to_safetensors(const fs::path& checkpoint, const fs::path& folder) {
  const CheckpointFile file(checkpoint);
  refuse_existing(folder / tensors_file);
  refuse_existing(folder / config_file);
  std::vector<SafeTensor> tensors;
  std::vector<std::string> copies;
  std::map<std::pair<std::string, std::int64_t>, std::string> places;  // the name that stands for a storage
  Json names = Json::array(), tied = Json::object();
  const auto described = file.tensors();
  copies.reserve(described.size());  // views into them stay
  for (const auto& [name, tensor] : described) {
    const auto type = std::find_if(std::begin(types), std::end(types),
                                   [&](const auto& one) { return one.storage == tensor.storage_type; });
    tensors.push_back({name, type->dtype, tensor.sizes, numbers_of(tensor, file.bytes(tensor), copies)});
    names.push_back(name);
    const auto [place, fresh] = places.emplace(std::pair(tensor.storage_key, tensor.offset), name);
    if (!fresh) add_member(tied, name, place->second);
  }
  Json root = Json::object();
  for (std::size_t i = 0; i < file.root().items.size(); i += 2) {
    const std::string& key = file.root().items[i]->as_text("a key of " + file.name());
    if (key == "last_optimizer_state") continue;
    root[key] =
        key == "model" ? Json() : json_of(*file.root().items[i + 1], "'" + key + "' of " + file.name());
  }
  Json config = described_model(file, tensors);
  config[own_key] = {{"tensors", std::move(names)}, {"tied", std::move(tied)}, {"root", std::move(root)}};

  fs::create_directories(folder);
  NewFile target(folder / tensors_file);
  write_safetensors(tensors, {{"format", "pt"}}, [&](std::string_view bytes) { target.append(bytes); });
  replace_file(folder / config_file, json_text(std::move(config), 2) + "\n");
  target.publish();
}

void safetensors_to_checkpoint(const fs::path& folder, const fs::path& checkpoint) {
  refuse_existing(checkpoint);
  const Json config = read_config(folder / config_file);
  const SafetensorsReader reader(folder / tensors_file);
  const auto tensors = in_order(reader, config["tensors"], folder);

  Pickle pickle;
  Pickle::Pairs model;
  std::vector<std::string_view> storages;
  std::map<std::string, std::pair<const SafeTensor*, std::size_t>> written;
  std::map<std::string, std::string> tied_to;
  if (const auto tied = config.find("tied"); tied != config.end() && tied->is_object()) {
    for (const auto& [name, other] : tied->items()) {
      if (other.is_string()) tied_to[name] = other.get<std::string>();
    }
  }
  for (const SafeTensor* tensor : tensors) {
    const auto type = std::find_if(std::begin(types), std::end(types),
                                   [&](const auto& one) { return one.dtype == tensor->dtype; });
    if (type == std::end(types)) {
      throw Error(ExitCode::data, "tensor '" + tensor->name + "' in " + (folder / tensors_file).string() +
                                      " is of type " + tensor->dtype + ", which checkpoints do not have.");
    }
    std::size_t key = storages.size();
    const auto alias = tied_to.find(tensor->name);
    const auto same = alias != tied_to.end() ? written.find(alias->second) : written.end();
    const bool tied = same != written.end() && same->second.first->bytes == tensor->bytes &&
                      same->second.first->dtype == tensor->dtype &&
                      same->second.first->shape == tensor->shape;
    if (tied) {
      key = same->second.second;
    } else {
      storages.push_back(tensor->bytes);
    }
    written[tensor->name] = {tensor, key};
    PickledTensor described{.storage_type = type->storage,
                            .storage_key = std::to_string(key),
                            .storage_size = static_cast<std::int64_t>(tensor->bytes.size()) /
                                            element_size(type->storage, tensor->name),
                            .offset = 0,
                            .sizes = tensor->shape,
                            .strides = std::vector<std::int64_t>(tensor->shape.size(), 1)};
    for (std::size_t i = tensor->bytes.empty() ? 0 : described.sizes.size(); i-- > 1;) {
      described.strides[i - 1] = described.strides[i] * std::max<std::int64_t>(1, described.sizes[i]);
    }
    model.emplace_back(tensor->name, pickled_tensor(pickle, described));
  }
  Pickle::Pairs root;
  for (const auto& [key, value] : config["root"].items()) {
    root.emplace_back(key, key == "model" ? pickle.ordered_dict(model)
                                          : pickled_json(pickle, value, (folder / config_file).string()));
  }

  NewFile target(checkpoint);
  ZipWriter zip([&](std::string_view bytes) { target.append(bytes); });
  const std::string top = container::root;
  zip.add(top + container::pickle, write_pickle(*pickle.dict(root)));
  for (std::size_t key = 0; key < storages.size(); ++key) {
    zip.add(top + container::storage(std::to_string(key)), storages[key]);
  }
  zip.add(top + container::version, container::version_text);
  zip.finish();
  target.publish();
}

}  // namespace nopos::host
