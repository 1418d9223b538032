#include "opt_layout.h"

#include <bit>
#include <cmath>
#include <regex>

namespace nopos::host {
namespace {

/// Neighbouring numbers have neighbouring places, also across zero.
std::int64_t place(float number) {
  const auto bits = std::bit_cast<std::int32_t>(number);
  return bits < 0 ? std::int64_t{INT32_MIN} - bits : bits;
}

float at_place(std::int64_t place) {
  const auto bits = static_cast<std::int32_t>(place < 0 ? INT32_MIN - place : place);
  return std::bit_cast<float>(bits);
}

}  // namespace

std::string opt_name(const std::string& ours) {
  static const std::regex same(
      R"(decoder\.(embed_(tokens|positions)\.weight|layers\.\d+\.(self_attn\.[qkv]_proj|self_attn\.out_proj|)"
      R"(self_attn_layer_norm|fc1|fc2|final_layer_norm)\.(weight|bias)))");
  if (ours == "decoder.output_projection.weight" || ours == "decoder.embed_out") return "lm_head.weight";
  if (ours == "decoder.project_in_dim.weight") return "model.decoder.project_in.weight";
  if (ours == "decoder.project_out_dim.weight") return "model.decoder.project_out.weight";
  if (ours == "decoder.layer_norm.weight") return "model.decoder.final_layer_norm.weight";
  if (ours == "decoder.layer_norm.bias") return "model.decoder.final_layer_norm.bias";
  return std::regex_match(ours, same) ? "model." + ours : "";
}

std::vector<float> position_table(std::int64_t rows, std::int64_t dim, bool sines) {
  std::vector<float> table(static_cast<std::size_t>(rows * dim), 0.0F);
  if (!sines) return table;
  const std::int64_t half = dim / 2;
  // in float32 wherever the encoding's plugin is, whose angles grow too large for other roundings to do
  const auto step = static_cast<float>(-std::log(10000.0) / static_cast<double>(half - 1));
  for (std::int64_t column = 0; column < half; ++column) {
    const float frequency = std::exp(static_cast<float>(column) * step);
    for (std::int64_t row = 0; row < rows; ++row) {
      if (row == 1) continue;  // padding
      const float angle = static_cast<float>(row) * frequency;
      table[static_cast<std::size_t>(row * dim + column)] = std::sin(angle);
      table[static_cast<std::size_t>(row * dim + half + column)] = std::cos(angle);
    }
  }
  return table;
}

std::vector<float> scaled(std::vector<float> numbers, double scale) {
  for (float& number : numbers) number *= static_cast<float>(scale);
  return numbers;
}

std::vector<std::int8_t> places_off(const std::vector<float>& original, const std::vector<float>& scaled,
                                    double scale) {
  std::vector<std::int8_t> places(original.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    const float quotient = scaled[i] / static_cast<float>(scale);
    places[i] = static_cast<std::int8_t>(place(original[i]) - place(quotient));
  }
  return places;
}

std::vector<float> unscaled(std::vector<float> numbers, double scale, std::string_view places) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] /= static_cast<float>(scale);
    if (!places.empty() && places[i] != 0)
      numbers[i] = at_place(place(numbers[i]) + static_cast<std::int8_t>(places[i]));
  }
  return numbers;
}

}  // namespace nopos::host
