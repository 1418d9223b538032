#pragma once
/// The tensors of a model's folder: `model.safetensors`, or the files that `model.safetensors.index.json`
/// names.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "output/json_value.h"
#include "safetensors.h"

namespace nopos::host {

class TensorFolder {
 public:
  /// \throws Error (data) naming file and reason
  explicit TensorFolder(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return folder_; }
  const std::map<std::string, const SafeTensor*>& tensors() const { return tensors_; }
  const SafeTensor* find(const std::string& name) const;  ///< null where there is none

 private:
  void open(const std::string& file);

  std::filesystem::path folder_;
  std::vector<std::unique_ptr<SafetensorsReader>> files_;
  std::map<std::string, const SafeTensor*> tensors_;
};

/// `config.json` of a model's folder. \throws Error (data) for one that is too large or no object
Json read_model_config(const std::filesystem::path& folder);

}  // namespace nopos::host
