#pragma once
/// The layouts of other programs' models as tensors of the architecture here, one function each.

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "output/json_value.h"
#include "tensor_folder.h"

namespace nopos::host {

/// A model of the architecture here in the making: its options, and tensors by our names.
class ForeignModel {
 public:
  ForeignModel(const std::filesystem::path& folder, const Json& config) : folder_(folder), config_(config) {}
  ForeignModel(const ForeignModel&) = delete;
  ForeignModel& operator=(const ForeignModel&) = delete;

  const TensorFolder& folder() const { return folder_; }

  // Values of config.json; one that is not there has transformers' default. \throws Error (data) for another
  // type
  std::int64_t whole(const char* key, std::int64_t otherwise) const;
  double number(const char* key, double otherwise) const;
  bool flag(const char* key, bool otherwise) const;
  std::string text(const char* key, const std::string& otherwise) const;

  /// How much of a head's width a GPT-NeoX rotates.
  double rotated_part() const;

  /// Something that the architecture here does not compute; all of them stand in one message.
  void cannot(const std::string& reason) { reasons_.push_back(reason); }
  /// \throws Error (configuration) with all reasons, where there are some
  void refuse_reasons() const;

  /// The tensor of the folder, used from now on. \throws Error (data) where it is absent or of another shape
  const SafeTensor& take(const std::string& name, const std::vector<std::int64_t>& shape);
  bool has(const std::string& name) const { return folder_.find(name) != nullptr; }
  /// Rows of the folder's tensor (numbers of a vector) in another order.
  SafeTensor rows(const SafeTensor& tensor, const std::vector<std::int64_t>& order);
  /// [in,out] -> [out,in]
  SafeTensor turned(const SafeTensor& tensor);
  SafeTensor filled(std::vector<std::int64_t> shape, float value);
  SafeTensor of_numbers(std::vector<std::int64_t> shape, const std::vector<float>& numbers);
  void put(const std::string& name, SafeTensor tensor);
  /// Weight and bias of a map or norm.
  void put(const std::string& name, SafeTensor weight, SafeTensor bias);

  /// \throws Error (data) where the folder has tensors that nothing used; those that end in one of `without`
  /// hold no weights
  void refuse_unused(const std::vector<std::string>& without) const;

  Json settings = Json::object();  ///< options by name, of the architecture, the encoding and the task
  std::vector<SafeTensor> tensors;

 private:
  template <class T>
  T value(const char* key, T otherwise, const char* type) const;

  TensorFolder folder_;
  const Json& config_;
  std::vector<std::string> reasons_;
  std::set<std::string> used_;
  std::deque<std::string> numbers_;
};

/// The name of an activation of transformers here. Tells `model` where there is none.
std::string activation_here(ForeignModel& model, const std::string& theirs);
/// Tells `model` where layer norms have another epsilon than here.
void check_epsilon(ForeignModel& model, const char* key);

/// Fills `model`, which refuses what cannot be expressed. `dictionary`: the file of the data's dict.txt.
void read_opt(ForeignModel& model);
void read_gpt2(ForeignModel& model, const std::optional<std::string>& dictionary);
void read_gpt_neox(ForeignModel& model, const std::optional<std::string>& dictionary);

}  // namespace nopos::host
