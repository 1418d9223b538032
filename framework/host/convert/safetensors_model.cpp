#include "safetensors_model.h"

#include <algorithm>
#include <map>
#include <set>

#include "checkpoint_file.h"
#include "encoding_record.h"
#include "fairseq_settings.h"
#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/printable.h"
#include "number_types.h"
#include "own_record.h"
#include "plain_tree.h"
#include "safetensors.h"
#include "stored_tensors.h"
#include "tensor_folder.h"

namespace nopos::host {
namespace {

namespace fs = std::filesystem;

constexpr const char* tensors_file = "model.safetensors";
constexpr const char* config_file = "config.json";
constexpr const char* own_key = "nopos_checkpoint";

/// Options of the architecture under the names that Hugging Face's configurations have for them.
constexpr std::pair<const char*, const char*> settings[] = {
    {"hidden_size", "decoder-embed-dim"},
    {"intermediate_size", "decoder-ffn-embed-dim"},
    {"num_hidden_layers", "decoder-layers"},
    {"num_attention_heads", "decoder-attention-heads"},
    {"hidden_act", "activation-fn"},
    {"max_position_embeddings", "max-target-positions"},
    {"hidden_dropout_prob", "dropout"},
    {"attention_probs_dropout_prob", "attention-dropout"},
    {"tie_word_embeddings", "share-decoder-input-output-embed"}};

/// Architecture and sizes as other programs look for them. What a file does not say is left out.
Json described_model(const CheckpointFile& file, const std::vector<SafeTensor>& tensors) {
  Json json = Json::object();
  const FairseqSettings recorded(file);
  const auto json_from = [&](const PickleNode* value) {
    return value == nullptr ? Json() : json_of(*value, file.name());
  };
  const Json name = json_from(recorded.architecture());
  json["architectures"] = Json::array({name});
  json["model_type"] = name;
  for (const SafeTensor& tensor : tensors) {
    if (tensor.shape.size() != 2) continue;  // weights tell the precision; counters are integers
    json["torch_dtype"] = type_of_dtype(tensor.dtype)->torch;
    break;
  }
  if (file.own() != nullptr) {
    json["vocab_size"] = recorded_dictionary(file).size;
  } else if (const auto embedding = std::find_if(
                 tensors.begin(), tensors.end(),
                 [](const SafeTensor& tensor) { return tensor.name == "decoder.embed_tokens.weight"; });
             embedding != tensors.end() && !embedding->shape.empty()) {
    json["vocab_size"] = embedding->shape[0];
  }
  for (const auto& [theirs, ours] : settings) {
    if (Json value = json_from(recorded.model_option(ours)); !value.is_null())
      json[theirs] = std::move(value);
  }
  Json encodings = Json::array();
  if (file.own() != nullptr) {
    for (const RecordedComponent& one : recorded_components(file, "positional_encoding"))
      encodings.push_back(one.name);
  } else {
    Settings no_overrides;
    encodings = recorded.encodings(no_overrides);
  }
  if (!recorded_plan(file).groups.empty()) encodings = recorded_encoding_text(file);
  json["positional_encoding"] = std::move(encodings);
  return json;
}

Json read_config(const fs::path& folder) {
  Json json = read_model_config(folder);
  const auto own = json.find(own_key);
  if (own == json.end() || !own->is_object() || !own->contains("tensors") || !own->contains("root") ||
      !(*own)["tensors"].is_array() || !(*own)["root"].is_object()) {
    throw Error(ExitCode::data, (folder / config_file).string() + " has no '" + own_key +
                                    "', which nopos-host convert writes, and its 'model_type' is not opt, "
                                    "gpt2 or gpt_neox, the supported models of other programs.");
  }
  return *own;
}

/// The tensors in the order of the state dict. \throws Error (data) where the two files do not fit.
std::vector<SafeTensor> in_order(const SafetensorsReader& reader, const Json& names, const fs::path& folder) {
  std::map<std::string, const SafeTensor*> found;
  for (const SafeTensor& tensor : reader.tensors()) found[tensor.name] = &tensor;
  std::vector<SafeTensor> list;
  for (const Json& name : names) {
    const auto tensor = name.is_string() ? found.find(name.get<std::string>()) : found.end();
    if (tensor == found.end()) {
      throw Error(ExitCode::data, (folder / tensors_file).string() + " has no tensor " +
                                      printable(json_text(name), 200) + ", which " + config_file +
                                      " names (once).");
    }
    list.push_back(*tensor->second);
    found.erase(tensor);
  }
  if (!found.empty()) {
    throw Error(ExitCode::data, (folder / tensors_file).string() + " has tensor '" +
                                    printable(found.begin()->first, 200) + "', which " + config_file +
                                    " does not list.");
  }
  return list;
}

}  // namespace

Json model_config(const CheckpointFile& file, const StoredTensors& tensors) {
  Json config = described_model(file, tensors.list);
  config[own_key] = {{"tensors", tensors.names}, {"tied", tensors.tied}, {"root", plain_root(file)}};
  return config;
}

void write_model_folder(const fs::path& folder, const Json& config, const std::vector<SafeTensor>& tensors) {
  refuse_existing(folder / tensors_file);
  refuse_existing(folder / config_file);
  fs::create_directories(folder);
  NewFile target(folder / tensors_file);
  write_safetensors(tensors, {{"format", "pt"}}, [&](std::string_view bytes) { target.append(bytes); });
  replace_file(folder / config_file, json_text(std::move(config), 2) + "\n");
  target.publish();
}

void checkpoint_to_safetensors(const fs::path& checkpoint, const fs::path& folder) {
  const CheckpointFile file(checkpoint);
  const StoredTensors tensors(file);
  write_model_folder(folder, model_config(file, tensors), tensors.list);
}

void safetensors_to_checkpoint(const fs::path& folder, const fs::path& checkpoint) {
  refuse_existing(checkpoint);
  const Json config = read_config(folder);
  const SafetensorsReader reader(folder / tensors_file);
  write_checkpoint(checkpoint, config["root"], in_order(reader, config["tensors"], folder),
                   config.value("tied", Json::object()), folder / config_file);
}

}  // namespace nopos::host
