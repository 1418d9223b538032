#include <algorithm>
#include <cstring>

#include "checkpoint_keys.h"
#include "fairseq_model_file.h"
#include "foreign_layout.h"
#include "nopos/error.h"
#include "nopos/strings.h"
#include "stored_tensors.h"
#include "tensor_numbers.h"
#include "transformers_return.h"

namespace nopos::host {
namespace {

namespace fs = std::filesystem;

std::string listed(const std::vector<std::int64_t>& shape) {
  return std::string("[") + join(shape, ", ", [](std::int64_t size) { return std::to_string(size); }) + "]";
}

std::size_t row_bytes(const SafeTensor& tensor) {
  auto bytes = static_cast<std::size_t>(safetensors_element_size(tensor.dtype, tensor.name));
  for (std::size_t i = 1; i < tensor.shape.size(); ++i) bytes *= static_cast<std::size_t>(tensor.shape[i]);
  return bytes;
}

}  // namespace

template <class T>
T ForeignModel::value(const char* key, T otherwise, const char* type) const {
  const auto found = config_.find(key);
  if (found == config_.end() || found->is_null()) return otherwise;
  const bool fits = std::is_same_v<T, bool>           ? found->is_boolean()
                    : std::is_same_v<T, std::int64_t> ? found->is_number_integer()
                    : std::is_same_v<T, double>       ? found->is_number()
                                                      : found->is_string();
  if (fits) return found->template get<T>();
  throw Error(ExitCode::data, (folder_.path() / "config.json").string() + ": '" + key + "' is " +
                                  found->dump() + ", but must be " + type + ".");
}

std::int64_t ForeignModel::whole(const char* key, std::int64_t otherwise) const {
  const std::int64_t number = value(key, otherwise, "an integer");
  if (number >= 0 && number <= INT32_MAX) return number;
  throw Error(ExitCode::data, (folder_.path() / "config.json").string() + ": '" + key + "' is " +
                                  std::to_string(number) + ", but must be from 0 to 2147483647.");
}
double ForeignModel::number(const char* key, double otherwise) const {
  return value(key, otherwise, "a number");
}
bool ForeignModel::flag(const char* key, bool otherwise) const {
  return value(key, otherwise, "true or false");
}
std::string ForeignModel::text(const char* key, const std::string& otherwise) const {
  return value(key, otherwise, "a text");
}

double ForeignModel::rotated_part() const {
  const auto rope = config_.find("rope_parameters");
  if (rope != config_.end() && rope->is_object()) {
    const auto part = rope->find("partial_rotary_factor");
    if (part != rope->end() && part->is_number()) return part->get<double>();
  }
  return number("rotary_pct", 0.25);
}

void ForeignModel::refuse_reasons() const {
  if (reasons_.empty()) return;
  std::string text = folder_.path().string() + " has a model that this architecture cannot express:";
  for (const std::string& reason : reasons_) text += "\n  " + reason;
  throw Error(ExitCode::configuration, text);
}

const SafeTensor& ForeignModel::take(const std::string& name, const std::vector<std::int64_t>& shape) {
  const SafeTensor* const tensor = folder_.find(name);
  if (tensor == nullptr) {
    throw Error(ExitCode::data,
                folder_.path().string() + " has no tensor '" + name + "', which its config.json requires.");
  }
  if (tensor->shape != shape) {
    throw Error(ExitCode::data, folder_.path().string() + ": tensor '" + name + "' is " +
                                    listed(tensor->shape) + ", but by config.json it must be " +
                                    listed(shape) + ".");
  }
  used_.insert(name);
  return *tensor;
}

SafeTensor ForeignModel::rows(const SafeTensor& tensor, const std::vector<std::int64_t>& order) {
  const std::size_t width = row_bytes(tensor);
  std::string bytes;
  bytes.reserve(width * order.size());
  for (const std::int64_t row : order)
    bytes += tensor.bytes.substr(static_cast<std::size_t>(row) * width, width);
  SafeTensor chosen = tensor;
  chosen.shape[0] = static_cast<std::int64_t>(order.size());
  chosen.bytes = numbers_.emplace_back(std::move(bytes));
  return chosen;
}

SafeTensor ForeignModel::turned(const SafeTensor& tensor) {
  const auto width = static_cast<std::size_t>(safetensors_element_size(tensor.dtype, tensor.name));
  const auto in = static_cast<std::size_t>(tensor.shape[0]), out = static_cast<std::size_t>(tensor.shape[1]);
  std::string bytes(tensor.bytes.size(), '\0');
  for (std::size_t i = 0; i < in; ++i) {
    for (std::size_t j = 0; j < out; ++j) {
      std::memcpy(bytes.data() + (j * in + i) * width, tensor.bytes.data() + (i * out + j) * width, width);
    }
  }
  return {
      tensor.name, tensor.dtype, {tensor.shape[1], tensor.shape[0]}, numbers_.emplace_back(std::move(bytes))};
}

SafeTensor ForeignModel::of_numbers(std::vector<std::int64_t> shape, const std::vector<float>& numbers) {
  return {"", "F32", std::move(shape), numbers_.emplace_back(bytes_of(numbers, "F32"))};
}

SafeTensor ForeignModel::filled(std::vector<std::int64_t> shape, float value) {
  std::size_t count = 1;
  for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
  return of_numbers(std::move(shape), std::vector<float>(count, value));
}

void ForeignModel::put(const std::string& name, SafeTensor tensor) {
  tensors.push_back(std::move(tensor));
  tensors.back().name = name;
}

void ForeignModel::put(const std::string& name, SafeTensor weight, SafeTensor bias) {
  put(name + ".weight", std::move(weight));
  put(name + ".bias", std::move(bias));
}

void ForeignModel::refuse_unused(const std::vector<std::string>& without) const {
  for (const auto& [name, tensor] : folder_.tensors()) {
    const bool weightless = std::any_of(without.begin(), without.end(),
                                        [&](const std::string& end) { return name.ends_with(end); });
    if (used_.contains(name) || weightless) continue;
    throw Error(ExitCode::data, folder_.path().string() + " has tensor '" + name +
                                    "', which does not belong to the model of its config.json.");
  }
}

std::string activation_here(ForeignModel& model, const std::string& theirs) {
  static constexpr std::pair<const char*, const char*> names[] = {
      {"relu", "relu"},           {"gelu", "gelu"}, {"gelu_new", "gelu_fast"},
      {"gelu_fast", "gelu_fast"}, {"tanh", "tanh"}, {"gelu_pytorch_tanh", "gelu_fast"},
      {"linear", "linear"}};
  for (const auto& [name, here] : names) {
    if (theirs == name) return here;
  }
  model.cannot("the activation '" + theirs +
               "': supported are relu, gelu, its tanh approximation, tanh and linear");
  return "";
}

void check_epsilon(ForeignModel& model, const char* key) {
  const double epsilon = model.number(key, 1e-5);
  if (epsilon == 1e-5) return;
  model.cannot("layer norms with an epsilon of " + Json(epsilon).dump() + " (" + key + "): here it is 1e-05");
}

bool is_foreign_model(const Json& config) {
  const auto type = config.find("model_type");
  return type != config.end() && (*type == "opt" || *type == "gpt2" || *type == "gpt_neox");
}

std::vector<std::string> foreign_to_checkpoint(const fs::path& folder, const Json& config,
                                               const fs::path& checkpoint,
                                               const std::optional<std::string>& dictionary) {
  refuse_existing(checkpoint);
  ForeignModel model(folder, config);
  model.put(keys::decoder_version, model.filled({1}, 3));
  if (config["model_type"] == "opt") {
    if (dictionary) {
      throw Error(ExitCode::usage,
                  "--dict has no effect for an OPT model, whose tokens are in the order of its own "
                  "dictionary: leave it out.");
    }
    read_opt(model);
  } else if (config["model_type"] == "gpt2") {
    read_gpt2(model, dictionary);
  } else {
    read_gpt_neox(model, dictionary);
  }
  Json tied = Json::object();
  if (model.settings["share-decoder-input-output-embed"] == true) {
    tied["decoder.output_projection.weight"] = "decoder.embed_tokens.weight";
  }
  write_checkpoint(checkpoint, fairseq_file_of(model.settings), model.tensors, tied, folder / "config.json");
  const SafeTensor& embedding =
      *std::find_if(model.tensors.begin(), model.tensors.end(),
                    [](const auto& one) { return one.name == "decoder.embed_tokens.weight"; });
  return {"evaluate it with data whose dictionary has " + std::to_string(embedding.shape[0]) +
          " types, including the special symbols"};
}

}  // namespace nopos::host
