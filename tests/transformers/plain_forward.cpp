#include "plain_forward.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "command.h"
#include "safetensors.h"

namespace nopos::test {
namespace {

using Tensors = std::map<std::string, std::vector<Vector>>;
using Json = nlohmann::json;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Vector sum(Vector a, const Vector& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

double activated(double x, const std::string& name) {
  if (name == "relu") return std::max(x, 0.0);
  if (name == "gelu") return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
  if (name == "gelu_new") return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  throw std::invalid_argument(name);
}

/// Attention of all tokens before each one, itself included.
std::vector<Vector> attended(const std::vector<Vector>& x, const PlainLayer& layer, std::size_t heads) {
  std::vector<Vector> q, k, v, y;
  for (const Vector& one : x) {
    q.push_back(layer.query(one)), k.push_back(layer.key(one)), v.push_back(layer.value(one));
  }
  const std::size_t width = q[0].size() / heads;
  for (std::size_t i = 0; i < x.size(); ++i) {
    Vector mixed(q[0].size(), 0);
    for (std::size_t begin = 0; begin < mixed.size(); begin += width) {
      Vector weights;
      for (std::size_t j = 0; j <= i; ++j) {
        double score = 0;
        for (std::size_t c = begin; c < begin + width; ++c) score += q[i][c] * k[j][c];
        weights.push_back(std::exp(score / std::sqrt(static_cast<double>(width))));
      }
      double total = 0;
      for (const double weight : weights) total += weight;
      for (std::size_t j = 0; j <= i; ++j) {
        for (std::size_t c = begin; c < begin + width; ++c) mixed[c] += weights[j] / total * v[j][c];
      }
    }
    y.push_back(layer.out(mixed));
  }
  return y;
}

void pass(std::vector<Vector>& x, const PlainLayer& layer, const PlainModel& model) {
  const auto before = [&](const Norm& norm) {
    std::vector<Vector> y;
    for (const Vector& one : x) y.push_back(model.norm_before ? norm(one) : one);
    return y;
  };
  const auto add = [&](const std::vector<Vector>& y, const Norm& norm) {
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = model.norm_before ? sum(x[i], y[i]) : norm(sum(x[i], y[i]));
  };
  add(attended(before(layer.before_attention), layer, model.heads), layer.before_attention);
  std::vector<Vector> inner = before(layer.before_feed_forward);
  for (Vector& one : inner) {
    one = layer.first(one);
    for (double& number : one) number = activated(number, model.activation);
    one = layer.second(one);
  }
  add(inner, layer.before_feed_forward);
}

std::vector<Vector> turned(const std::vector<Vector>& matrix) {
  std::vector<Vector> other(matrix[0].size(), Vector(matrix.size()));
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    for (std::size_t j = 0; j < matrix[0].size(); ++j) other[j][i] = matrix[i][j];
  }
  return other;
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& folder)
      : config(Json::parse(read_file(folder / "config.json"))), tensors(read_tensors(folder)) {}

  Map map(const std::string& name) const {
    return {tensors.at(name + ".weight"), tensors.at(name + ".bias")[0]};
  }
  Map turned_map(const std::string& name) const {
    return {turned(tensors.at(name + ".weight")), tensors.at(name + ".bias")[0]};
  }
  Norm norm(const std::string& name) const {
    return {tensors.at(name + ".weight")[0], tensors.at(name + ".bias")[0]};
  }
  std::vector<Vector> head(const char* name, const std::string& embedding) const {
    return tensors.at(config["tie_word_embeddings"] == true ? embedding : name);
  }

  Json config;
  Tensors tensors;
};

Map some_rows(const Map& map, const std::vector<std::size_t>& rows) {
  Map part;
  for (const std::size_t row : rows) {
    part.weight.push_back(map.weight[row]), part.bias.push_back(map.bias[row]);
  }
  return part;
}

PlainModel opt(const Reader& in) {
  const std::string top = "model.decoder.";
  PlainModel model;
  model.embedding = in.tensors.at(top + "embed_tokens.weight");
  model.positions = in.tensors.at(top + "embed_positions.weight");
  model.positions.erase(model.positions.begin(), model.positions.begin() + 2);
  model.head = in.head("lm_head.weight", top + "embed_tokens.weight");
  model.activation = in.config["activation_function"];
  model.heads = in.config["num_attention_heads"];
  model.norm_before = in.config["do_layer_norm_before"];
  for (int i = 0; i < in.config["num_hidden_layers"]; ++i) {
    const std::string layer = top + "layers." + std::to_string(i) + ".";
    model.layers.push_back({in.map(layer + "self_attn.q_proj"), in.map(layer + "self_attn.k_proj"),
                            in.map(layer + "self_attn.v_proj"), in.map(layer + "self_attn.out_proj"),
                            in.map(layer + "fc1"), in.map(layer + "fc2"),
                            in.norm(layer + "self_attn_layer_norm"), in.norm(layer + "final_layer_norm")});
  }
  if (model.norm_before && in.config["_remove_final_layer_norm"] != true) {
    model.final_norm = {in.norm(top + "final_layer_norm")};
  }
  return model;
}

PlainModel gpt2(const Reader& in) {
  PlainModel model;
  model.embedding = in.tensors.at("transformer.wte.weight");
  model.positions = in.tensors.at("transformer.wpe.weight");
  model.head = in.head("lm_head.weight", "transformer.wte.weight");
  model.activation = in.config["activation_function"];
  model.heads = in.config["n_head"];
  for (int i = 0; i < in.config["n_layer"]; ++i) {
    const std::string layer = "transformer.h." + std::to_string(i) + ".";
    const Map joint = in.turned_map(layer + "attn.c_attn");
    std::vector<Map> parts;
    for (std::size_t part = 0, width = joint.weight.size() / 3; part < 3; ++part) {
      std::vector<std::size_t> rows;
      for (std::size_t row = 0; row < width; ++row) rows.push_back(part * width + row);
      parts.push_back(some_rows(joint, rows));
    }
    model.layers.push_back({parts[0], parts[1], parts[2], in.turned_map(layer + "attn.c_proj"),
                            in.turned_map(layer + "mlp.c_fc"), in.turned_map(layer + "mlp.c_proj"),
                            in.norm(layer + "ln_1"), in.norm(layer + "ln_2")});
  }
  model.final_norm = {in.norm("transformer.ln_f")};
  return model;
}

PlainModel gpt_neox(const Reader& in) {
  PlainModel model;
  model.embedding = in.tensors.at("gpt_neox.embed_in.weight");
  model.head = in.tensors.at("embed_out.weight");
  model.activation = in.config["hidden_act"];
  model.heads = in.config["num_attention_heads"];
  const std::size_t width = model.embedding[0].size() / model.heads;
  for (int i = 0; i < in.config["num_hidden_layers"]; ++i) {
    const std::string layer = "gpt_neox.layers." + std::to_string(i) + ".";
    const Map joint = in.map(layer + "attention.query_key_value");
    std::vector<Map> parts;
    for (std::size_t part = 0; part < 3; ++part) {
      std::vector<std::size_t> rows;
      for (std::size_t row = 0; row < joint.weight.size(); ++row) {
        if (row / width % 3 == part) rows.push_back(row);
      }
      parts.push_back(some_rows(joint, rows));
    }
    model.layers.push_back({parts[0], parts[1], parts[2], in.map(layer + "attention.dense"),
                            in.map(layer + "mlp.dense_h_to_4h"), in.map(layer + "mlp.dense_4h_to_h"),
                            in.norm(layer + "input_layernorm"), in.norm(layer + "post_attention_layernorm")});
  }
  model.final_norm = {in.norm("gpt_neox.final_layer_norm")};
  return model;
}

}  // namespace

Vector Map::operator()(const Vector& x) const {
  Vector y;
  for (std::size_t row = 0; row < weight.size(); ++row) y.push_back(dot(weight[row], x) + bias[row]);
  return y;
}

Vector Norm::operator()(const Vector& x) const {
  double mean = 0, square = 0;
  for (const double number : x) mean += number / static_cast<double>(x.size());
  for (const double number : x) square += (number - mean) * (number - mean) / static_cast<double>(x.size());
  Vector y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    y.push_back((x[i] - mean) / std::sqrt(square + 1e-5) * weight[i] + bias[i]);
  }
  return y;
}

Tensors read_tensors(const std::filesystem::path& folder) {
  const SafetensorsReader reader(folder / "model.safetensors");
  Tensors tensors;
  for (const SafeTensor& tensor : reader.tensors()) {
    if (tensor.dtype != "F32") throw std::invalid_argument(tensor.name);
    const auto columns = static_cast<std::size_t>(tensor.shape.back());
    const std::size_t rows = tensor.bytes.size() / sizeof(float) / columns;
    std::vector<float> numbers(rows * columns);
    std::memcpy(numbers.data(), tensor.bytes.data(), tensor.bytes.size());
    std::vector<Vector>& matrix = tensors[tensor.name];
    for (std::size_t row = 0; row < rows; ++row) {
      const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(row * columns);
      matrix.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(columns));
    }
  }
  return tensors;
}

PlainModel read_plain_model(const std::filesystem::path& folder) {
  const Reader reader(folder);
  if (reader.config["model_type"] == "opt") return opt(reader);
  return reader.config["model_type"] == "gpt2" ? gpt2(reader) : gpt_neox(reader);
}

double plain_loss(const PlainModel& model, const std::vector<std::int64_t>& stream, std::size_t length,
                  std::int64_t start) {
  double bits = 0;
  for (std::size_t begin = 0; begin < stream.size(); begin += length) {
    std::vector<Vector> x;
    const std::size_t end = std::min(begin + length, stream.size());
    for (std::size_t i = begin; i < end; ++i) {
      x.push_back(model.embedding[static_cast<std::size_t>(i == 0 ? start : stream[i - 1])]);
      if (!model.positions.empty()) x.back() = sum(x.back(), model.positions[i - begin]);
    }
    for (const PlainLayer& layer : model.layers) pass(x, layer, model);
    for (std::size_t i = begin; i < end; ++i) {
      const Vector y = model.final_norm.empty() ? x[i - begin] : model.final_norm[0](x[i - begin]);
      double total = 0;
      for (const Vector& row : model.head) total += std::exp(dot(row, y));
      bits += std::log2(total) - dot(model.head[static_cast<std::size_t>(stream[i])], y) / std::log(2.0);
    }
  }
  return bits / static_cast<double>(stream.size());
}

std::vector<std::int64_t> stream_of(const std::filesystem::path& split) {
  const std::string bytes = read_file(split.string() + ".bin");
  std::vector<std::int64_t> stream;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    stream.push_back(static_cast<unsigned char>(bytes[i]) | static_cast<unsigned char>(bytes[i + 1]) << 8);
  }
  return stream;
}

}  // namespace nopos::test
