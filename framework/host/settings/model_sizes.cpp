#include "model_sizes.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "nopos/error.h"

namespace nopos::host {
namespace {

using Tensors = std::map<std::string, PickledTensor, std::less<>>;

/// Settings that a dimension of a tensor repeats.
constexpr struct {
  const char *setting, *tensor;
  std::size_t dimension;
} repeated[] = {{"decoder-embed-dim", "decoder.layers.0.self_attn.out_proj.weight", 0},
                {"decoder-ffn-embed-dim", "decoder.layers.0.fc1.weight", 0},
                {"decoder-input-dim", "decoder.embed_tokens.weight", 1},
                {"decoder-output-dim", "decoder.output_projection.weight", 1}};

constexpr std::string_view layer_prefix = "decoder.layers.", layers = "decoder-layers";

/// Whether a model has at least so many numbers; a limit, such as min-params-to-wrap, says nothing of it.
bool is_size(std::string_view setting) {
  return std::ranges::any_of(std::initializer_list<std::string_view>{"-dim", "-heads", "-layers"},
                             [&](std::string_view word) { return setting.find(word) != setting.npos; });
}

/// One more than the greatest layer that a name speaks of; nothing where none does.
std::optional<std::int64_t> layers_in(const Tensors& tensors) {
  std::optional<std::int64_t> count;
  for (auto it = tensors.lower_bound(layer_prefix);
       it != tensors.end() && it->first.starts_with(layer_prefix); ++it) {
    std::int64_t layer = 0;
    const char* const begin = it->first.data() + layer_prefix.size();
    if (std::from_chars(begin, it->first.data() + it->first.size(), layer).ec == std::errc() &&
        layer < static_cast<std::int64_t>(tensors.size()))
      count = std::max(count.value_or(0), layer + 1);
  }
  return count;
}

/// Numbers that the file holds; tensors that share a storage share them.
std::int64_t numbers_in(const Tensors& tensors) {
  std::map<std::string_view, std::int64_t> storages;
  for (const auto& [name, tensor] : tensors) storages[tensor.storage_key] = tensor.storage_size;
  std::int64_t sum = 0;
  for (const auto& [key, size] : storages) sum += size;
  return sum;
}

}  // namespace

void expect_sizes_of_tensors(const CheckpointFile& file, const ConfiguredComponent& architecture,
                             std::optional<std::int64_t> positions) {
  Tensors tensors;
  for (auto& [name, tensor] : file.tensors()) tensors.emplace(name, tensor);
  const auto expect = [&](const std::string& setting, std::int64_t value, std::int64_t most,
                          const std::string& have) {
    if (value <= most) return;
    throw Error(ExitCode::data, file.name() + " says that its model has " + setting + " " +
                                    std::to_string(value) + ", but " + have +
                                    ": settings (including --model-overrides) and tensors do not match, or "
                                    "the file is damaged. No model was built.");
  };
  const std::int64_t numbers = numbers_in(tensors);
  const std::string in_all = "its tensors have " + std::to_string(numbers) + " values in total";
  const bool has_table = std::ranges::any_of(tensors, [](const auto& tensor) {
    return tensor.first.starts_with("decoder.embed_positions.") && tensor.first.ends_with(".weight");
  });
  if (positions && has_table) expect("max-target-positions", *positions, numbers, in_all);
  for (const auto& [setting, value] : architecture.values) {
    const auto* whole = std::get_if<std::int64_t>(&value);
    if (whole == nullptr) continue;
    if (const auto found = layers_in(tensors); setting == layers && found)
      expect(setting, *whole, *found, "its tensors are those of " + std::to_string(*found) + " layers");
    for (const auto& row : repeated) {
      const auto tensor = tensors.find(row.tensor);
      if (setting != row.setting || tensor == tensors.end() || tensor->second.sizes.size() <= row.dimension)
        continue;
      expect(setting, *whole, tensor->second.sizes[row.dimension],
             std::string(row.tensor) + " is " + described(tensor->second.sizes, tensor->second.storage_type));
    }
    if (is_size(setting)) expect(setting, *whole, numbers, in_all);
  }
}

}  // namespace nopos::host
