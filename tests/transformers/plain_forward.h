#pragma once
/// The formulas of OPT, GPT-2 and GPT-NeoX without rotation in plain loops of double, for models of a few
/// thousand weights: what a folder's loss must be, whoever wrote it.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace nopos::test {

using Vector = std::vector<double>;

struct Map {  ///< y = weight x + bias
  std::vector<Vector> weight;
  Vector bias;
  Vector operator()(const Vector& x) const;
};

struct Norm {
  Vector weight, bias;
  Vector operator()(const Vector& x) const;
};

struct PlainLayer {
  Map query, key, value, out, first, second;
  Norm before_attention, before_feed_forward;
};

struct PlainModel {
  std::vector<Vector> embedding, positions, head;  ///< positions: from the first token on; empty: none
  std::vector<PlainLayer> layers;
  std::vector<Norm> final_norm;  ///< one or none
  std::string activation;        ///< relu, gelu_new or gelu
  std::size_t heads = 1;
  bool norm_before = true;
};

/// The tensors of `folder`/model.safetensors, of float32: rows (one for a vector) of numbers.
std::map<std::string, std::vector<Vector>> read_tensors(const std::filesystem::path& folder);

/// A model's folder by its config.json.
PlainModel read_plain_model(const std::filesystem::path& folder);

/// Bits per token of a stream in blocks of `length`, the token before the first one being `start`.
double plain_loss(const PlainModel& model, const std::vector<std::int64_t>& stream, std::size_t length,
                  std::int64_t start);

/// The types of a split that preprocess wrote ("bin/test").
std::vector<std::int64_t> stream_of(const std::filesystem::path& split);

}  // namespace nopos::test
