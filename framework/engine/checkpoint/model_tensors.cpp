#include "model_tensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "nopos/error.h"
#include "state_dict.h"

namespace nopos::engine {
namespace {

constexpr const char* embedding = "decoder.embed_tokens.weight";
constexpr const char* output_weight = "decoder.output_projection.weight";

/// Numbers without meaning, in the reference's files also without a defined value.
bool is_filler(const std::string& name) { return name.ends_with("._float_tensor"); }

/// The file's tensors by the names that they have in the model.
using Saved = std::map<std::string, const PickleNode*, std::less<>>;

Saved saved_tensors(const PickleNode& node, const Architecture& model) {
  std::vector<std::string> names;
  for (std::size_t i = 0; node.is_mapping() && i < node.items.size(); i += 2)
    names.push_back(node.items[i]->as_text("a name in 'model'"));
  const auto own = model.own_names(names);
  Saved saved;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (own[i]) saved.emplace(*own[i], node.items[2 * i + 1]);
  }
  return saved;
}

/// The name under which the file keeps the tensor `name`: the same, or that of an older version.
std::string saved_name(const Saved& saved, const std::string& name, bool tied) {
  if (saved.contains(name)) return name;
  if (name == output_weight) {
    if (saved.contains("decoder.embed_out")) return "decoder.embed_out";
    return tied ? embedding : name;
  }
  static const std::pair<std::regex, const char*> old_names[] = {
      {std::regex(R"((decoder\.layers\.\d+\.)self_attn_layer_norm(\..*))"), "$1layer_norms.0$2"},
      {std::regex(R"((decoder\.layers\.\d+\.)final_layer_norm(\..*))"), "$1layer_norms.2$2"}};
  for (const auto& [pattern, old] : old_names) {
    if (std::regex_match(name, pattern)) return std::regex_replace(name, pattern, old);
  }
  return name;
}

bool same_storage(const StateDict& tensors, const char* first, const char* second) {
  const void* data[2] = {nullptr, nullptr};
  for (const auto& [name, tensor] : tensors) {
    if (name == first) data[0] = tensor.const_data_ptr();
    if (name == second) data[1] = tensor.const_data_ptr();
  }
  return data[0] != nullptr && data[0] == data[1];
}

bool fits(const at::Tensor& there, const at::Tensor& mine) {
  const bool convertible = there.is_floating_point() && mine.is_floating_point();
  return there.sizes() == mine.sizes() && (convertible || there.scalar_type() == mine.scalar_type());
}

[[noreturn]] void refuse(const CheckpointFile& source, const std::vector<std::string>& differences) {
  std::string text = source.name() + " holds another model than this run's; " +
                     std::to_string(differences.size()) + " of its tensors differ, the first:";
  for (std::size_t i = 0; i < std::min<std::size_t>(differences.size(), 10); ++i)
    text += "\n  " + differences[i];
  throw Error(ExitCode::data,
              text +
                  "\nTraining: give the --arch and sizes that it was trained with, or another "
                  "--save-dir. Evaluation: give data with the dictionary that it was trained "
                  "with, and leave --model-overrides away.");
}

void check_tokenizer(const CheckpointFile& source, const DictionaryMark& mine) {
  const PickleNode* entry = source.own()->get("tokenizer");
  if (entry == nullptr) return;
  const auto saved = parse_tokenizer_record(entry->as_text("tokenizer in " + source.name()),
                                            "the tokenizer's record in " + source.name());
  const std::string both =
      tokenizer_difference(saved, "the model was trained with", mine.tokenizer, "the data were made with");
  if (both.empty()) return;
  throw Error(ExitCode::data,
              "the data do not fit the checkpoint " + source.name() + ": " + both +
                  ". Preprocess the data with --srcdict and the dict.txt of the model's data, "
                  "or train a new model in another --save-dir.");
}

}  // namespace

View view(const CheckpointFile& file, const PickleNode& node, const std::string& what) {
  const PickledTensor tensor = file.describe(node, what);
  const std::string_view data = file.bytes(tensor);
  const at::ScalarType type = scalar_type(tensor.storage_type, what);
  const at::TensorOptions options = at::TensorOptions().dtype(type);
  if (data.empty()) return {at::empty(tensor.sizes, options), data};
  const char* begin = data.data() + tensor.offset * static_cast<std::int64_t>(c10::elementSize(type));
  return {at::from_blob(const_cast<char*>(begin), tensor.sizes, tensor.strides, options), data};
}

void make(const Copies& copies) {
  for (const auto& [mine, there] : copies) {
    mine.detach().copy_(there.tensor);
    MappedFile::release(there.bytes);  // a run's memory should not grow by the size of its checkpoint
  }
}

void check_dictionary(const CheckpointFile& source, const DictionaryMark& mine) {
  check_tokenizer(source, mine);
  const PickleNode& entry = source.own()->at("dictionary", source.name());
  const DictionaryMark saved{entry.at("size", "'dictionary'").as_integer("size of the dictionary"),
                             entry.at("digest", "'dictionary'").as_text("digest of the dictionary"),
                             {}};
  if (mine.digest.empty() || saved.digest.empty()) return;
  if (mine.size == saved.size && mine.digest == saved.digest) return;
  const std::string what =
      mine.size != saved.size
          ? "it has " + std::to_string(mine.size) + " types, the checkpoint's had " +
                std::to_string(saved.size)
          : "both have " + std::to_string(mine.size) + " types, but not the same words in the same order";
  throw Error(ExitCode::data, "the dictionary of the data does not fit the checkpoint " + source.name() +
                                  ": " + what +
                                  ". Preprocess the data with the dictionary that the model was trained with "
                                  "(--srcdict), or train a new model in another --save-dir.");
}

Copies model_copies(const CheckpointFile& source, const PickleNode& entry, const StateDict& mine,
                    const Architecture& model) {
  const Saved saved = saved_tensors(entry, model);
  const bool tied = same_storage(mine, embedding, output_weight);
  std::vector<std::string> differences;
  Copies copies;
  std::set<std::string> used;
  for (const auto& [name, tensor] : mine) {
    const std::string there_name = saved_name(saved, name, tied);
    used.insert(there_name);
    const auto found = saved.find(there_name);
    const PickleNode* node = found == saved.end() ? nullptr : found->second;
    if (is_filler(name) || (node == nullptr && name == "decoder.version")) continue;
    const std::string here = described(tensor.sizes().vec(), storage_type(tensor.scalar_type()));
    if (node == nullptr) {
      differences.push_back(name + ": checkpoint has none, this model " + here);
      continue;
    }
    const View view = engine::view(source, *node, there_name);
    if (!fits(view.tensor, tensor)) {
      differences.push_back(name + ": checkpoint " +
                            described(view.tensor.sizes().vec(), storage_type(view.tensor.scalar_type())) +
                            ", this model " + here);
    }
    copies.push_back({tensor, view});
  }
  for (const auto& [name, node] : saved) {
    if (used.contains(name) || is_filler(name)) continue;
    const PickledTensor there = source.describe(*node, name);
    differences.push_back(name + ": checkpoint " + described(there.sizes, there.storage_type) +
                          ", this model has none");
  }
  if (!differences.empty()) refuse(source, differences);
  return copies;
}

}  // namespace nopos::engine
