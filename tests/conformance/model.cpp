#include "model.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstdlib>
#include <utility>

#include "nopos/nn/recomputation.h"

namespace nopos::conformance {
namespace {

constexpr std::int64_t vocabulary = 50, width = 16;
constexpr const char* path_variable = "NOPOS_ATTENTION";

bool contains(const std::vector<at::Tensor>& tensors, const at::Tensor& one) {
  for (const at::Tensor& tensor : tensors) {
    if (tensor.is_same(one)) return true;
  }
  return false;
}

void set_type(at::Tensor tensor, at::ScalarType type, bool rounded) {
  if (!tensor.is_floating_point()) return;
  const at::Tensor values = rounded ? tensor.detach().to(at::kBFloat16) : tensor.detach();
  tensor.set_data(values.to(type));
}

}  // namespace

const Mode causal_mode{.name = "causal"};
const Mode bidirectional_mode{.name = "bidirectional", .causal = false};
const Mode shared_keys_mode{.name = "shared keys", .heads = 4};

ModelShape shape_of(const Mode& mode, std::int64_t layers) {
  return {.embed_dim = width,
          .heads = mode.heads,
          .head_dim = width / mode.heads,
          .layers = layers,
          .max_positions = 64,
          .padding_idx = padding,
          .causal = mode.causal,
          .key_heads = mode.key_heads,
          .train_length = 8};
}

Model::Model(const std::vector<Subject>& subjects, const ModelShape& shape, ModelOptions options)
    : shape_(shape), options_(std::move(options)) {
  make_encodings(subjects);
  make_weights();
  train(false);
}

void Model::make_encodings(const std::vector<Subject>& subjects) {
  at::manual_seed(options_.seed);
  std::vector<EncodingInstance> instances;
  for (const Subject& subject : subjects) {
    const std::string label = instances.empty() ? options_.label : "companion_" + subject.name;
    instances.push_back({.label = label, .name = subject.name, .encoding = subject.make(shape_)});
  }
  encodings_ = compose(std::move(instances), options_.plan, shape_);
  // as a host does: what an encoding keeps in float32 is not made narrower
  const std::vector<at::Tensor> kept = encodings_->kept_in_float32();
  for (const auto& parameter : encodings_->named_parameters()) {
    const bool keeps = contains(kept, parameter.value());
    set_type(parameter.value(), keeps ? at::promote_types(options_.type, at::kFloat) : options_.type,
             options_.rounded && !keeps);
  }
  for (const auto& buffer : encodings_->named_buffers())
    set_type(buffer.value(), options_.type, options_.rounded);
}

void Model::make_weights() {
  const at::NoGradGuard no_grad;
  for (std::int64_t layer = 0; layer < options_.layers; ++layer) {
    layers_.push_back(std::make_shared<MultiheadAttention>(AttentionShape{.dim = shape_.embed_dim,
                                                                          .heads = shape_.heads,
                                                                          .key_heads = shape_.key_heads,
                                                                          .head_dim = shape_.head_dim,
                                                                          .dropout = options_.dropout}));
  }
  at::manual_seed(17);
  embedding_ = at::randn({vocabulary, shape_.embed_dim}, at::kDouble);
  set_type(embedding_, options_.type, options_.rounded);
  embedding_.requires_grad_();
  for (const auto& layer : layers_) {
    for (const auto& parameter : layer->named_parameters()) {
      const at::Tensor& old = parameter.value();
      const double deviation = old.dim() == 2 ? 1 / std::sqrt(static_cast<double>(old.size(1))) : 0.1;
      at::Tensor(old).set_data(at::randn(old.sizes(), at::kDouble) * deviation);
      set_type(old, options_.type, options_.rounded);
    }
  }
}

at::Tensor Model::features(const Batch& batch, const ForwardOptions& options) {
  // tokens [B,T] -> [B,T,C]
  const auto pass = std::make_shared<ForwardPass>(
      *encodings_, batch,
      ForwardPass::Model{.padding_idx = shape_.padding_idx, .causal = shape_.causal, .model = this}, options);
  at::Tensor x = pass->embed(at::embedding(embedding_, batch.tokens));
  pass->hidden(0, x);
  for (std::int64_t layer = 0; layer < options_.layers; ++layer) {
    x = through_layer(layer, x, pass);
    pass->hidden(layer + 1, x);
  }
  return pass->finish(x);
}

at::Tensor Model::through_layer(std::int64_t layer, const at::Tensor& x,
                                const std::shared_ptr<ForwardPass>& pass) const {
  const auto attended = [pass, layer,
                         attention = layers_[static_cast<std::size_t>(layer)]](const at::Tensor& stream) {
    const at::Tensor residual = pass->layer_input(layer, stream);
    return residual + attention->forward(at::layer_norm(residual, {residual.size(2)}), *pass, layer);
  };
  if (!options_.recomputes) return attended(x);
  return with_recomputation(x, [pass, attended](const at::Tensor& stream) {
    pass->forget();
    at::Tensor y = attended(stream);
    pass->forget();
    return y;
  });
}

at::Tensor Model::planned_features(const Batch& batch, std::int64_t columns) {
  return chunked(batch, {batch.tokens.size(1)}, columns);
}

std::shared_ptr<DecodingState> Model::state(std::int64_t rows, std::int64_t planned) const {
  return std::make_shared<DecodingState>(
      DecodingState::Shape{.rows = rows, .planned = planned, .layers = options_.layers, .model = this});
}

at::Tensor Model::chunked(const Batch& batch, const std::vector<std::int64_t>& split, std::int64_t planned) {
  const std::int64_t length = batch.tokens.size(1);
  const auto memory = state(batch.tokens.size(0), planned > 0 ? planned : length);
  std::vector<at::Tensor> parts;
  for (const std::int64_t size : split) {
    const auto columns = [&](const at::Tensor& of) {
      return of.defined() ? of.narrow(1, memory->length(), size) : of;
    };
    const Batch chunk{.tokens = columns(batch.tokens),
                      .document_ids = columns(batch.document_ids),
                      .positions = columns(batch.positions)};
    parts.push_back(features(chunk, {.state = memory.get()}));
  }
  return at::cat(parts, 1);
}

void Model::train(bool on) {
  encodings_->train(on);
  for (const auto& layer : layers_) layer->train(on);
}

NamedTensors Model::parameters() const {
  NamedTensors all;
  for (const auto& parameter : encodings_->named_parameters())
    all.emplace_back("encoding." + parameter.key(), parameter.value());
  all.emplace_back("embedding", embedding_);
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    for (const auto& parameter : layers_[layer]->named_parameters())
      all.emplace_back("layers." + std::to_string(layer) + "." + parameter.key(), parameter.value());
  }
  return all;
}

bool Model::copy_encodings(const Model& other) {
  const at::NoGradGuard no_grad;
  const auto own = encodings_->named_parameters(), theirs = other.encodings_->named_parameters();
  if (own.keys() != theirs.keys()) return false;
  for (const auto& parameter : theirs) at::Tensor(own[parameter.key()]).copy_(parameter.value());
  return true;
}

FormulaOnly::FormulaOnly(bool on) {
  const char* value = std::getenv(path_variable);
  was_set_ = value != nullptr;
  if (was_set_) before_ = value;
  on ? setenv(path_variable, "explicit", 1) : unsetenv(path_variable);
}

FormulaOnly::~FormulaOnly() {
  was_set_ ? setenv(path_variable, before_.c_str(), 1) : unsetenv(path_variable);
}

}  // namespace nopos::conformance
