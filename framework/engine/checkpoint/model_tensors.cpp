#include "model_tensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <regex>
#include <set>

#include "checkpoint_keys.h"
#include "nopos/error.h"
#include "own_record.h"
#include "saved_state.h"
#include "state_dict.h"

namespace nopos::engine {
namespace {

constexpr const char* embedding = "decoder.embed_tokens.weight";
constexpr const char* output_weight = "decoder.output_projection.weight";

/// Numbers without meaning, in fairseq's files also without a defined value.
bool is_filler(const std::string& name) { return name.ends_with("._float_tensor"); }

/// The file's tensors by the names that they have in the model.
using Saved = std::map<std::string, const PickleNode*, std::less<>>;

/// Tensors of the file's model in its order, by the names that they have in the model here.
std::vector<std::pair<std::string, const PickleNode*>> named_tensors(const PickleNode& node,
                                                                     const Architecture& model) {
  std::vector<std::string> names;
  for (std::size_t i = 0; node.is_mapping() && i < node.items.size(); i += 2)
    names.push_back(node.items[i]->as_text("a name in 'model'"));
  const auto own = model.own_names(names);
  std::vector<std::pair<std::string, const PickleNode*>> tensors;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (own[i]) tensors.emplace_back(*own[i], node.items[2 * i + 1]);
  }
  return tensors;
}

/// Where the file keeps a tensor: whole, or as a part of the rows of another.
struct Place {
  std::string name;
  std::int64_t part = 0, parts = 1;
};

/// The tensor `name` under the same name, or as an older version kept it.
Place saved_place(const Saved& saved, const std::string& name, bool tied) {
  if (saved.contains(name)) return {name};
  if (name == output_weight) {
    if (saved.contains("decoder.embed_out")) return {"decoder.embed_out"};
    return {tied ? embedding : name};
  }
  static const std::regex projection(R"((.*\.)([qkv])_proj\.(weight|bias))");
  if (std::smatch match; std::regex_match(name, match, projection)) {
    const std::string joint = match[1].str() + "in_proj_" + match[3].str();
    const auto part = std::string_view("qkv").find(match[2].str());
    if (saved.contains(joint)) return {joint, static_cast<std::int64_t>(part), 3};
  }
  static const std::pair<std::regex, const char*> old_names[] = {
      {std::regex(R"((decoder\.layers\.\d+\.)self_attn_layer_norm(\..*))"), "$1layer_norms.0$2"},
      {std::regex(R"((decoder\.layers\.\d+\.)final_layer_norm(\..*))"), "$1layer_norms.2$2"}};
  for (const auto& [pattern, old] : old_names) {
    if (std::regex_match(name, pattern)) return {std::regex_replace(name, pattern, old)};
  }
  return {name};
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
  std::string text = source.name() + " has a different model than this run; " +
                     std::to_string(differences.size()) + " of its tensors differ, the first:";
  for (std::size_t i = 0; i < std::min<std::size_t>(differences.size(), 10); ++i)
    text += "\n  " + differences[i];
  throw Error(ExitCode::data,
              text +
                  "\nTraining: give the --arch and sizes that it was trained with, or another "
                  "--save-dir. Evaluation: give data with the dictionary that it was trained "
                  "with, and leave out --model-overrides.");
}

void check_tokenizer(const CheckpointFile& source, const DictionaryMark& mine) {
  const auto saved = recorded_tokenizer_of(source);
  if (!saved) return;
  const std::string both =
      tokenizer_difference(saved, "the model was trained with", mine.tokenizer, "the data were made with");
  if (both.empty()) return;
  throw Error(ExitCode::data,
              "the data do not match the checkpoint " + source.name() + ": " + both +
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

at::Tensor rows_of(const at::Tensor& tensor, std::int64_t part, std::int64_t parts) {
  if (parts == 1 || tensor.dim() == 0 || tensor.size(0) % parts != 0) return tensor;
  const std::int64_t rows = tensor.size(0) / parts;
  return tensor.narrow(0, part * rows, rows);
}

at::Tensor aligned(const View& view) {
  const auto address = reinterpret_cast<std::uintptr_t>(view.tensor.const_data_ptr());
  const std::size_t width = view.tensor.element_size();
  if (view.bytes.empty() || address % width == 0) return view.tensor;
  const at::Tensor copy =
      at::empty({static_cast<std::int64_t>(view.bytes.size() / width)}, view.tensor.options());
  std::memcpy(copy.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
  const auto first = address - reinterpret_cast<std::uintptr_t>(view.bytes.data());
  return copy.as_strided(view.tensor.sizes(), view.tensor.strides(),
                         static_cast<std::int64_t>(first / width));
}

void make(const Copies& copies) {
  for (const auto& [mine, there] : copies) {
    mine.detach().copy_(aligned(there));
    MappedFile::release(there.bytes);  // a run's memory should not grow by the size of its checkpoint
  }
}

void check_dictionary(const CheckpointFile& source, const DictionaryMark& mine) {
  check_tokenizer(source, mine);
  const DictionaryMark saved = recorded_dictionary(source);
  if (mine.digest.empty() || saved.digest.empty()) return;
  if (mine.size == saved.size && mine.digest == saved.digest) return;
  const std::string what =
      mine.size != saved.size
          ? "it has " + std::to_string(mine.size) + " types, that of the checkpoint has " +
                std::to_string(saved.size)
          : "both have " + std::to_string(mine.size) + " types, but not the same words in the same order";
  throw Error(ExitCode::data, "the dictionary of the data does not match the checkpoint " + source.name() +
                                  ": " + what +
                                  ". Preprocess the data with the dictionary that the model was trained with "
                                  "(--srcdict), or train a new model in another --save-dir.");
}

Copies model_copies(const CheckpointFile& source, const PickleNode& entry, const StateDict& mine,
                    const Architecture& model) {
  const auto tensors = named_tensors(entry, model);
  const Saved saved(tensors.begin(), tensors.end());
  const bool tied = same_storage(mine, embedding, output_weight);
  std::vector<std::string> differences;
  Copies copies;
  std::set<std::string> used;
  for (const auto& [name, tensor] : mine) {
    const Place place = saved_place(saved, name, tied);
    used.insert(place.name);
    const auto found = saved.find(place.name);
    const PickleNode* node = found == saved.end() ? nullptr : found->second;
    if (is_filler(name) || (node == nullptr && name == keys::decoder_version)) continue;
    const std::string here = described(tensor.sizes().vec(), storage_type(tensor.scalar_type()));
    if (node == nullptr) {
      differences.push_back(name + ": checkpoint has none, this model " + here);
      continue;
    }
    View view = engine::view(source, *node, place.name);
    view.tensor = rows_of(view.tensor, place.part, place.parts);
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

std::vector<ParameterPlace> parameter_places(const CheckpointFile& source, const Architecture& model,
                                             const ParameterSlab& slab, std::optional<std::size_t> count) {
  const StateDict mine = state_dict(model);
  const auto tensors = named_tensors(saved_model_tensors(source), model);
  const Saved saved(tensors.begin(), tensors.end());
  const bool tied = same_storage(mine, embedding, output_weight);
  std::map<const void*, std::size_t> segments;  // by where their numbers lie
  for (std::size_t i = 0; i < slab.segments().size(); ++i)
    segments.emplace(slab.segments()[i].parameter.const_data_ptr(), i);
  std::map<std::string, std::vector<std::pair<std::size_t, Place>>, std::less<>> held;  // by the file's names
  for (const auto& [name, tensor] : mine) {
    const auto segment = segments.find(tensor.const_data_ptr());
    if (segment == segments.end()) continue;
    Place place = saved_place(saved, name, tied);
    held[place.name].emplace_back(segment->second, place);
  }
  std::vector<std::optional<ParameterPlace>> places(slab.segments().size());
  std::size_t found = 0;
  for (const auto& [name, node] : tensors) {
    const auto here = held.find(name);
    if (here == held.end() || places[here->second.front().first]) continue;  // a buffer, or one that is tied
    for (const auto& [segment, place] : here->second) places[segment] = {found, place.part, place.parts};
    ++found;
  }
  const bool all = std::ranges::all_of(places, [](const auto& place) { return place.has_value(); });
  if (!all || found != count.value_or(found)) {
    throw Error(ExitCode::data, source.name() + " has optimizer state of " +
                                    std::to_string(count.value_or(found)) +
                                    " parameters, its model in this run trains " + std::to_string(found) +
                                    "; --reset-optimizer continues without that state.");
  }
  std::vector<ParameterPlace> result;
  for (const auto& place : places) result.push_back(*place);
  return result;
}

}  // namespace nopos::engine
