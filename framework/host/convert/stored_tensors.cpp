#include "stored_tensors.h"

#include <algorithm>
#include <map>
#include <utility>

#include "checkpoint_keys.h"
#include "container.h"
#include "nopos/error.h"
#include "nopos/files.h"
#include "number_types.h"
#include "plain_tree.h"

namespace nopos::host {
namespace {

namespace fs = std::filesystem;

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
                            std::deque<std::string>& copies) {
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

/// The model of a checkpoint in the making: its entries in the pickle, and the storages they name.
class Model {
 public:
  explicit Model(const Json& tied) {
    for (const auto& [name, other] : tied.items()) {
      if (other.is_string()) tied_.emplace(name, other.get<std::string>());
    }
  }

  void add(Pickle& pickle, const SafeTensor& tensor, const fs::path& source) {
    const NumberType* const type = type_of_dtype(tensor.dtype);
    if (type == nullptr || type->storage.empty()) {
      throw Error(ExitCode::data, "tensor '" + tensor.name + "' in " + source.string() + " is of type " +
                                      tensor.dtype + ", which checkpoints do not have.");
    }
    const std::size_t key = storage_of(tensor);
    written_[tensor.name] = {&tensor, key};
    PickledTensor described{.storage_type = std::string(type->storage),
                            .storage_key = std::to_string(key),
                            .storage_size = static_cast<std::int64_t>(tensor.bytes.size()) / type->size,
                            .offset = 0,
                            .sizes = tensor.shape,
                            .strides = std::vector<std::int64_t>(tensor.shape.size(), 1)};
    for (std::size_t i = tensor.bytes.empty() ? 0 : described.sizes.size(); i-- > 1;) {
      described.strides[i - 1] = described.strides[i] * std::max<std::int64_t>(1, described.sizes[i]);
    }
    entries.emplace_back(tensor.name, pickled_tensor(pickle, described));
  }

  Pickle::Pairs entries;
  std::vector<std::string_view> storages;

 private:
  std::size_t storage_of(const SafeTensor& tensor) {
    const auto alias = tied_.find(tensor.name);
    const auto same = alias != tied_.end() ? written_.find(alias->second) : written_.end();
    const auto equal = [&](const SafeTensor& other) {
      return other.bytes == tensor.bytes && other.dtype == tensor.dtype && other.shape == tensor.shape;
    };
    if (same != written_.end() && equal(*same->second.first)) return same->second.second;
    storages.push_back(tensor.bytes);
    return storages.size() - 1;
  }

  std::map<std::string, std::string> tied_;
  std::map<std::string, std::pair<const SafeTensor*, std::size_t>> written_;
};

}  // namespace

StoredTensors::StoredTensors(const CheckpointFile& file) {
  std::map<std::pair<std::string, std::int64_t>, std::string> places;  // the name that stands for a storage
  const auto described = file.tensors();
  list.reserve(described.size());  // names in it are looked up by views of them
  for (const auto& [name, tensor] : described) {
    list.push_back({name, std::string(type_of_storage(tensor.storage_type)->dtype), tensor.sizes,
                    numbers_of(tensor, file.bytes(tensor), gathered)});
    names.push_back(name);
    const bool known = !places_.emplace(list.back().name, list.size() - 1).second;
    const auto [place, fresh] = places.emplace(std::pair(tensor.storage_key, tensor.offset), name);
    if (!fresh && !known) add_member(tied, name, place->second);
  }
}

const SafeTensor* StoredTensors::find(std::string_view name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? nullptr : &list[found->second];
}

Json plain_root(const CheckpointFile& file) {
  Json root = Json::object();
  for (std::size_t i = 0; i < file.root().items.size(); i += 2) {
    const std::string& key = file.root().items[i]->as_text("a key of " + file.name());
    if (key == keys::last_optimizer_state) continue;
    root[key] =
        key == keys::model ? Json() : json_of(*file.root().items[i + 1], "'" + key + "' of " + file.name());
  }
  return root;
}

void write_checkpoint(const fs::path& checkpoint, const Json& root, const std::vector<SafeTensor>& tensors,
                      const Json& tied, const fs::path& source) {
  Pickle pickle;
  Model model(tied);
  for (const SafeTensor& tensor : tensors) model.add(pickle, tensor, source);
  Pickle::Pairs entries;
  for (const auto& [key, value] : root.items()) {
    entries.emplace_back(key, key == keys::model ? pickle.ordered_dict(model.entries)
                                                 : pickled_json(pickle, value, source.string()));
  }
  NewFile target(checkpoint);
  ZipWriter zip([&](std::string_view bytes) { target.append(bytes); });
  const std::string top = container::root;
  zip.add(top + container::pickle, write_pickle(*pickle.dict(entries)));
  for (std::size_t key = 0; key < model.storages.size(); ++key) {
    zip.add(top + container::storage(std::to_string(key)), model.storages[key]);
  }
  zip.add(top + container::version, container::version_text);
  zip.finish();
  target.publish();
}

void refuse_existing(const fs::path& file) {
  if (fs::exists(file)) {
    throw Error(ExitCode::data,
                file.string() + " exists; nothing was written. Remove it or give another path.");
  }
}

}  // namespace nopos::host
