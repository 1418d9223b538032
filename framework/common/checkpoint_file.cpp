#include "checkpoint_file.h"

#include <algorithm>

#include "checkpoint_hints.h"
#include "container.h"
#include "nopos/error.h"

namespace nopos {
namespace {

constexpr std::pair<std::string_view, std::int64_t> element_sizes[] = {
    {"FloatStorage", 4}, {"DoubleStorage", 8}, {"HalfStorage", 2},  {"BFloat16Storage", 2},
    {"LongStorage", 8},  {"IntStorage", 4},    {"ShortStorage", 2}, {"CharStorage", 1},
    {"ByteStorage", 1},  {"BoolStorage", 1}};

/// Classes and functions that checkpoints name: tensors, and the containers of plain values.
constexpr std::string_view known_globals[] = {"torch._utils _rebuild_tensor_v2",
                                              "torch._utils _rebuild_parameter",
                                              "collections OrderedDict",
                                              "argparse Namespace",
                                              "__builtin__ set",
                                              "builtins set",
                                              "_codecs encode"};

bool is_known(const std::string& global) {
  return (global.starts_with("torch ") && global.ends_with("Storage")) ||
         std::find(std::begin(known_globals), std::end(known_globals), global) != std::end(known_globals);
}

/// The archive's root folder, with its slash.
std::string root_folder(const ZipReader& zip) {
  for (const std::string& name : zip.names()) {
    const std::size_t slash = name.find('/');
    if (slash != std::string::npos && name.substr(slash + 1) == container::pickle)
      return name.substr(0, slash + 1);
  }
  throw Error(ExitCode::data, zip.path().string() +
                                  " is no checkpoint: the archive has no entry 'archive/data.pkl'. Name a "
                                  "file that training has saved, such as checkpoint_best.pt.");
}

}  // namespace

std::int64_t element_size(std::string_view storage_type, std::string_view what) {
  for (const auto& [name, size] : element_sizes) {
    if (name == storage_type) return size;
  }
  throw Error(ExitCode::data, std::string(what) + " is stored as '" + std::string(storage_type) +
                                  "', which is not a type of numbers that NoPos reads.");
}

std::string described(const std::vector<std::int64_t>& sizes, std::string_view storage_type) {
  std::string text = "[";
  for (const std::int64_t size : sizes) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(size);
  }
  return text + "] " + std::string(storage_type.substr(0, storage_type.find("Storage")));
}

const PickleNode* attributes_of(const PickleNode* node) {
  if (node == nullptr || node->is_mapping()) return node;
  const bool names = node->is(PickleNode::Type::call) && node->items.size() == 3 &&
                     node->items[0]->is(PickleNode::Type::global) &&
                     node->items[0]->text == "argparse Namespace" && node->items[2]->is_mapping();
  return names ? node->items[2] : nullptr;
}

CheckpointFile::CheckpointFile(const std::filesystem::path& file)
    : zip_(checkpoint_path(file)), name_(file.string()), folder_(root_folder(zip_)) {
  if (zip_.size(entry(container::pickle)) > max_pickle) {
    throw Error(ExitCode::data, name_ + " is no checkpoint that NoPos reads: entry 'data.pkl' has " +
                                    std::to_string(zip_.size(entry(container::pickle))) +
                                    " bytes, more than " + std::to_string(max_pickle) + ".");
  }
  tree_ = read_pickle(zip_.read(entry(container::pickle)), "entry 'data.pkl' of " + name_);
  check_globals();
  if (!root().is_mapping() || root().get("model") == nullptr) {
    throw Error(ExitCode::data, name_ +
                                    " is no checkpoint of a training run: it has no entry 'model'. Weights "
                                    "alone do not say which model they are of.");
  }
  if (own() == nullptr) return;
  const std::int64_t format = own()->at("format", name_).as_integer("'format' in " + name_);
  if (format > container::format) {
    throw Error(ExitCode::data, name_ + " has format " + std::to_string(format) +
                                    "; this program reads up to " + std::to_string(container::format) +
                                    ". Use a newer nopos-host.");
  }
}

void CheckpointFile::check_globals() const {
  for (const PickleNode& node : tree_.nodes()) {
    if (node.is(PickleNode::Type::global) && !is_known(node.text)) {
      std::string name = node.text.substr(0, 200);
      std::replace(name.begin(), name.end(), ' ', '.');
      throw Error(ExitCode::data,
                  name_ + " names '" + name +
                      "', which is no part of a checkpoint; nothing of it was executed. Do not "
                      "open such a file with Python either, unless its source is trusted.");
    }
  }
}

std::vector<std::pair<std::string, PickledTensor>> CheckpointFile::tensors() const {
  const PickleNode& model = root().at("model", name());
  if (!model.is_mapping()) throw Error(ExitCode::data, name() + ": 'model' is not a dict of tensors.");
  std::vector<std::pair<std::string, PickledTensor>> list;
  for (std::size_t i = 0; i < model.items.size(); i += 2) {
    const std::string& tensor = model.items[i]->as_text("a name in 'model' of " + name());
    list.emplace_back(tensor, describe(*model.items[i + 1], tensor));
  }
  return list;
}

PickledTensor CheckpointFile::describe(const PickleNode& node, const std::string& what) const {
  const PickledTensor tensor = tensor_of(node, what + " in " + name_);
  const std::int64_t width = element_size(tensor.storage_type, what + " in " + name_);
  const std::uint64_t size = zip_.size(entry(container::storage(tensor.storage_key)));
  std::int64_t expected = 0;
  if (__builtin_mul_overflow(tensor.storage_size, width, &expected) ||
      static_cast<std::uint64_t>(expected) != size) {
    throw Error(ExitCode::data, name_ + " is damaged: " + what + " needs " +
                                    std::to_string(tensor.storage_size) + " numbers of " +
                                    std::to_string(width) + " bytes, its storage has " +
                                    std::to_string(size) + " bytes.");
  }
  return tensor;
}

std::string_view CheckpointFile::bytes(const PickledTensor& tensor) const {
  return zip_.read(entry(container::storage(tensor.storage_key)));
}

}  // namespace nopos
