#include "checkpoint_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <set>

#include "checkpoint_fields.h"
#include "checkpoint_hints.h"
#include "checkpoint_keys.h"
#include "container.h"
#include "nopos/error.h"
#include "nopos/printable.h"
#include "nopos/strings.h"
#include "number_types.h"

namespace nopos {
namespace {

/// Classes and functions that checkpoints name: tensors, the containers of plain values, and the meters that
/// older files of fairseq hold as objects.
constexpr std::string_view known_globals[] = {"torch._utils _rebuild_tensor_v2",
                                              "torch._utils _rebuild_tensor",
                                              "torch._utils _rebuild_parameter",
                                              "collections OrderedDict",
                                              "argparse Namespace",
                                              "__builtin__ set",
                                              "builtins set",
                                              "_codecs encode",
                                              "fairseq.meters AverageMeter",
                                              "fairseq.meters TimeMeter",
                                              "fairseq.meters StopwatchMeter"};

/// Half precision: a sign, 5 bits of exponent, 10 bits of fraction.
double half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double size = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  const double value = exponent == 31 ? (fraction == 0 ? HUGE_VAL : std::nan("")) : size;
  return (bits & 0x8000) != 0 ? -value : value;
}

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
                                  " is not a checkpoint: the archive has no entry 'archive/data.pkl'. Give a "
                                  "file that training saved, such as checkpoint_best.pt.");
}

}  // namespace

std::int64_t element_size(std::string_view storage_type, std::string_view what) {
  if (const NumberType* const type = type_of_storage(storage_type)) return type->size;
  throw Error(ExitCode::data, std::string(what) + " is stored as '" + printable(storage_type, 200) +
                                  "', a type that NoPos does not support.");
}

std::string described(const std::vector<std::int64_t>& sizes, std::string_view storage_type) {
  const auto text = [](std::int64_t size) { return std::to_string(size); };
  return std::string("[") + join(sizes, ", ", text) + "] " +
         std::string(storage_type.substr(0, storage_type.find("Storage")));
}

const PickleNode* attributes_of(const PickleNode* node) {
  if (node == nullptr || node->is_mapping()) return node;
  const bool names = node->is(PickleNode::Type::call) && node->items.size() == 3 &&
                     node->items[0]->is(PickleNode::Type::global) &&
                     node->items[0]->text == "argparse Namespace" && node->items[2]->is_mapping();
  return names ? node->items[2] : nullptr;
}

void CheckpointFile::open_zip() {
  zip_.emplace(file_.bytes(), file_.path());
  folder_ = root_folder(*zip_);
  const std::uint64_t size = zip_->size(entry(container::pickle));
  if (size > max_pickle) {
    throw Error(ExitCode::data, name_ + " is not a checkpoint that NoPos can read: entry 'data.pkl' has " +
                                    std::to_string(size) + " bytes, more than " + std::to_string(max_pickle) +
                                    ".");
  }
  tree_ = read_pickle(zip_->read(entry(container::pickle)), "entry 'data.pkl' of " + name_);
}

CheckpointFile::CheckpointFile(const std::filesystem::path& file)
    : file_(checkpoint_path(file)), name_(file.string()) {
  if (LegacyArchive::is_one(file_.bytes())) {
    legacy_.emplace(file_.bytes(), name_, max_pickle);
    tree_ = legacy_->take_tree();
  } else {
    open_zip();
  }
  check_globals();
  if (!root().is_mapping() || root().get(keys::model) == nullptr) {
    throw Error(ExitCode::data, name_ +
                                    " is not a checkpoint of a training run: it has no entry 'model'. "
                                    "Weights alone do not tell which model they belong to.");
  }
  check_fields(root(), name_);
  if (own() == nullptr) return;
  const std::int64_t format = own()->at(keys::format, name_).as_integer("'format' in " + name_);
  if (format < 1)
    throw Error(ExitCode::data, name_ + " has format " + std::to_string(format) + ": it is damaged.");
  if (format > container::format) {
    throw Error(ExitCode::data, name_ + " has format " + std::to_string(format) +
                                    "; this program supports up to " + std::to_string(container::format) +
                                    ". Use a newer nopos-host.");
  }
}

void CheckpointFile::check_globals() const {
  for (const PickleNode& node : tree_.nodes()) {
    if (node.is(PickleNode::Type::global) && !is_known(node.text)) {
      const std::string name = replaced(printable(node.text, 200), ' ', '.');
      throw Error(ExitCode::data,
                  name_ + " names '" + name +
                      "', which does not belong in a checkpoint; nothing was executed. Do not open such a "
                      "file with Python either, unless you trust its source.");
    }
  }
}

std::vector<std::pair<std::string, PickledTensor>> CheckpointFile::tensors() const {
  const PickleNode& model = root().at(keys::model, name());
  if (!model.is_mapping()) throw Error(ExitCode::data, name() + ": 'model' is not a dict of tensors.");
  // Tensors may share a storage, as tied weights do, but not without end.
  constexpr std::uint64_t most_shared = 32, harmless_numbers = 1 << 24;
  std::uint64_t numbers = 0, stored = 0;
  std::set<std::string> storages;
  std::vector<std::pair<std::string, PickledTensor>> list;
  for (std::size_t i = 0; i < model.items.size(); i += 2) {
    const std::string& tensor = model.items[i]->as_text("a name in 'model' of " + name());
    list.emplace_back(tensor, describe(*model.items[i + 1], printable(tensor, 200)));
    const PickledTensor& described = list.back().second;
    numbers += static_cast<std::uint64_t>(described.elements());
    if (storages.insert(described.storage_key).second)
      stored += static_cast<std::uint64_t>(described.storage_size);
  }
  if (numbers > most_shared * stored + harmless_numbers) {
    throw Error(ExitCode::data, name_ + " is damaged: its tensors have " + std::to_string(numbers) +
                                    " values, but their storages only " + std::to_string(stored) +
                                    ": a small file could claim any number of them.");
  }
  return list;
}

PickledTensor CheckpointFile::describe(const PickleNode& node, const std::string& what) const {
  const PickledTensor tensor = tensor_of(node, what + " in " + name_);
  const std::int64_t width = element_size(tensor.storage_type, what + " in " + name_);
  const std::uint64_t size = storage_size(tensor.storage_key);
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
  const std::string_view bytes = legacy_ ? legacy_->storage(tensor.storage_key)
                                         : zip_->read(entry(container::storage(tensor.storage_key)));
  MappedFile::release(bytes);  // the checksum has read all of them
  return bytes;
}

double CheckpointFile::first_number(const PickleNode& node, const std::string& what) const {
  const PickledTensor tensor = describe(node, what);
  const std::string_view all = bytes(tensor);
  const auto read = [&]<class T>(T number) {
    std::memcpy(&number, all.data() + tensor.offset * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    return number;
  };
  const std::string& type = tensor.storage_type;
  if (tensor.elements() > 0) {
    if (type == "FloatStorage") return read(0.0f);
    if (type == "DoubleStorage") return read(0.0);
    if (type == "BFloat16Storage") return std::bit_cast<float>(std::uint32_t{read(std::uint16_t{})} << 16);
    if (type == "HalfStorage") return half(read(std::uint16_t{}));
    if (type == "LongStorage") return static_cast<double>(read(std::int64_t{}));
  }
  throw Error(ExitCode::data, name_ + ": " + what + " is not a number, as it must be in a checkpoint.");
}

std::uint64_t CheckpointFile::storage_size(const std::string& key) const {
  return legacy_ ? legacy_->storage(key).size() : zip_->size(entry(container::storage(key)));
}

}  // namespace nopos
