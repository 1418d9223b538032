#include "tensor_folder.h"

#include <set>

#include "nopos/error.h"

namespace nopos::host {
namespace {

namespace fs = std::filesystem;

constexpr const char* single_file = "model.safetensors";
constexpr const char* index_file = "model.safetensors.index.json";
constexpr std::uint64_t largest_json = std::uint64_t{16} << 20;

Json read_object(const fs::path& file) {
  std::error_code error;
  if (const auto size = fs::file_size(file, error); !error && size > largest_json) {
    throw Error(ExitCode::data, file.string() + " has " + std::to_string(size) + " bytes, more than " +
                                    std::to_string(largest_json) + ": it is not a model description.");
  }
  Json json = registry::read_json(file, ExitCode::data);
  if (!json.is_object()) throw Error(ExitCode::data, file.string() + " is not a JSON object.");
  return json;
}

}  // namespace

Json read_model_config(const fs::path& folder) { return read_object(folder / "config.json"); }

TensorFolder::TensorFolder(const fs::path& folder) : folder_(folder) {
  if (fs::exists(folder / single_file)) {
    open(single_file);
    return;
  }
  if (!fs::exists(folder / index_file)) {
    const bool pickled =
        fs::exists(folder / "pytorch_model.bin") || fs::exists(folder / "pytorch_model.bin.index.json");
    throw Error(ExitCode::data,
                folder.string() + " has neither " + single_file + " nor " + index_file +
                    (pickled ? ". Its weights are in pytorch_model.bin: save the model with "
                               "save_pretrained(FOLDER, safe_serialization=True) of transformers first."
                             : ", which hold a model's weights."));
  }
  const Json index = read_object(folder / index_file);
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) {
    throw Error(ExitCode::data, (folder / index_file).string() + " has no 'weight_map'.");
  }
  std::set<std::string> files;
  for (const auto& [tensor, file] : map->items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (name.empty() || name != fs::path(name).filename()) {
      throw Error(ExitCode::data, (folder / index_file).string() + " gives " + file.dump() +
                                      " as the file of '" + tensor +
                                      "', which is not the name of a file beside it.");
    }
    files.insert(name);
  }
  for (const std::string& file : files) open(file);
  for (const auto& [tensor, file] : map->items()) {
    if (find(tensor) != nullptr) continue;
    throw Error(ExitCode::data, (folder / file.get<std::string>()).string() + " has no tensor '" + tensor +
                                    "', which " + index_file +
                                    " lists. A file is damaged or belongs to another model.");
  }
}

void TensorFolder::open(const std::string& file) {
  files_.push_back(std::make_unique<SafetensorsReader>(folder_ / file));
  for (const SafeTensor& tensor : files_.back()->tensors()) {
    if (!tensors_.emplace(tensor.name, &tensor).second) {
      throw Error(ExitCode::data,
                  "tensor '" + tensor.name + "' is in two files of " + folder_.string() + ".");
    }
  }
}

const SafeTensor* TensorFolder::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : found->second;
}

}  // namespace nopos::host
