#include "nopos/encodings.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <set>

#include "declaration.h"
#include "forward_state.h"
#include "nopos/error.h"
#include "nopos/plugin_call.h"

namespace nopos {
namespace {

[[noreturn]] void refuse(const EncodingInstance& instance, const std::string& sentence) {
  throw Error(ExitCode::configuration, "positional_encoding/" + instance.name + ": " + sentence);
}

/// Puts the parameters, buffers and children of an encoding flat into `owner`, as if there were one encoding.
class FlatRegistration {
 public:
  explicit FlatRegistration(torch::nn::Module& owner) : owner_(owner) {}

  void add(const EncodingInstance& instance) {
    for (const auto& tensor : instance.encoding->named_parameters(/*recurse=*/false)) {
      check_unused(tensor.key(), instance.name);
      owner_.register_parameter(tensor.key(), tensor.value(), tensor.value().requires_grad());
    }
    for (const auto& tensor : instance.encoding->named_buffers(/*recurse=*/false)) {
      check_unused(tensor.key(), instance.name);
      owner_.register_buffer(tensor.key(), tensor.value());
    }
    for (const auto& child : instance.encoding->named_children()) {
      check_unused(child.key(), instance.name);
      owner_.register_module(child.key(), child.value());
    }
  }

  void add_labelled(const EncodingInstance& instance) {
    check_unused(instance.label, instance.name);
    owner_.register_module(instance.label, instance.encoding);
  }

 private:
  void check_unused(const std::string& tensor, const std::string& encoding) {
    const auto [place, is_new] = owners_.emplace(tensor, encoding);
    if (is_new) return;
    throw Error(ExitCode::configuration,
                "positional encodings '" + place->second + "' and '" + encoding +
                    "' both have a tensor named '" + tensor +
                    "', so they cannot be saved in one checkpoint; choose one of them, or give one a label: "
                    "label=" +
                    encoding + ".");
  }

  torch::nn::Module& owner_;
  std::map<std::string, std::string> owners_;  // name of a tensor or sub-module -> the encoding it belongs to
};

const Declaration::Data& declared(const EncodingInstance& instance) {
  return instance.encoding->declared().data();
}

/// Of the parameters that each encoding named.
std::vector<at::Tensor> named_by(const Encodings::Data& data,
                                 std::vector<std::string> Declaration::Data::*list) {
  std::vector<at::Tensor> found;
  for (const EncodingInstance& instance : data.instances) {
    const auto parameters = instance.encoding->named_parameters();
    for (const std::string& name : declared(instance).*list) found.push_back(parameters[name]);
  }
  return found;
}

/// Whether the encoding can serve the model.
void check(const EncodingInstance& instance, const ModelShape& shape) {
  const Declaration::Data& said = declared(instance);
  const PluginCall constructor(plugin_of(*instance.encoding), PluginCall::Phase{"in its constructor"});
  if (said.max_length && *said.max_length < 1) {
    constructor.refuse("its longest sequence is " + std::to_string(*said.max_length) +
                       " tokens, at least 1 is needed");
  }
  if (said.needs_causal && !shape.causal) {
    refuse(instance, "it is for models in which a token sees only those before it: " + *said.needs_causal +
                         ". Choose another encoding for a bidirectional model.");
  }
  const auto parameters = instance.encoding->named_parameters();
  for (const auto& list : {said.float32, said.without_decay}) {
    for (const std::string& name : list) {
      if (!parameters.contains(name))
        constructor.refuse("it declares something of a parameter '" + name + "', which it does not have");
    }
  }
}

void check(const std::vector<EncodingInstance>& instances, const LayerEncodings& layer) {
  std::set<std::size_t> seen;
  for (const std::size_t one : layer.use) {
    if (!seen.insert(one).second) refuse(instances.at(one), "it appears twice in a layer; once is enough.");
  }
}

std::string range_of(std::size_t first, std::size_t last) {
  return first == last ? "layer " + std::to_string(first)
                       : "layers " + std::to_string(first) + "-" + std::to_string(last);
}

}  // namespace

LayerEncodings Encodings::Data::of_layer(std::int64_t depth) const {
  if (layers.empty()) {
    LayerEncodings all;
    for (std::size_t i = 0; i < instances.size(); ++i) all.use.push_back(i);
    return all;
  }
  if (depth >= 0 && depth < static_cast<std::int64_t>(layers.size()))
    return layers[static_cast<std::size_t>(depth)];
  throw Error(ExitCode::runtime, "positional encodings were made for " + std::to_string(layers.size()) +
                                     " layers, but the model asks for layer " + std::to_string(depth) +
                                     ", counted from 0: it must say how many it has.");
}

std::int64_t Encodings::Data::index_of(std::size_t instance, std::int64_t depth) const {
  if (layers.empty()) return depth;
  return std::count_if(layers.begin(), layers.begin() + depth, [&](const LayerEncodings& layer) {
    return std::find(layer.use.begin(), layer.use.end(), instance) != layer.use.end();
  });
}

Encodings::Encodings(std::unique_ptr<Data> data) : data_(std::move(data)) {
  FlatRegistration flat(*this);
  for (const EncodingInstance& instance : data_->instances) {
    check(instance, data_->shape);
    instance.label.empty() ? flat.add(instance) : flat.add_labelled(instance);
  }
  for (const LayerEncodings& layer : data_->layers) check(data_->instances, layer);
}

Encodings::~Encodings() = default;

std::optional<std::int64_t> Encodings::max_length() const {
  std::optional<std::int64_t> shortest;
  for (const EncodingInstance& instance : data_->instances) {
    if (const auto limit = declared(instance).max_length)
      shortest = std::min(*limit, shortest.value_or(*limit));
  }
  return shortest;
}

bool Encodings::depends_on_planned() const {
  return std::any_of(data_->instances.begin(), data_->instances.end(),
                     [](const EncodingInstance& instance) { return declared(instance).depends_on_planned; });
}

std::vector<at::Tensor> Encodings::kept_in_float32() const {
  return named_by(*data_, &Declaration::Data::float32);
}

std::vector<at::Tensor> Encodings::without_weight_decay() const {
  return named_by(*data_, &Declaration::Data::without_decay);
}

NamedTensors Encodings::tables() const {
  NamedTensors all;
  for (const EncodingInstance& instance : data_->instances) {
    const std::string& own = instance.label.empty() ? instance.name : instance.label;
    for (const auto& [table, values] : declared(instance).tables) {
      all.emplace_back(data_->instances.size() == 1 ? table : own + "." + table,
                       call_plugin(*instance.encoding, "table", values));
    }
  }
  return all;
}

void Encodings::train(bool on) {
  Module::train(on);
  for (const EncodingInstance& instance : data_->instances) instance.encoding->train(on);
}

/// One encoding looks like itself in the log.
void Encodings::pretty_print(std::ostream& stream) const {
  data_->instances.size() == 1 ? data_->instances.front().encoding->pretty_print(stream)
                               : Module::pretty_print(stream);
}

bool Encodings::adjusts_after_update() const {
  return std::any_of(data_->instances.begin(), data_->instances.end(), [](const EncodingInstance& instance) {
    return dynamic_cast<AfterUpdate*>(instance.encoding.get()) != nullptr;
  });
}

void Encodings::after_update() {
  const at::NoGradGuard no_grad;
  for (const EncodingInstance& instance : data_->instances) {
    if (auto* const told = dynamic_cast<AfterUpdate*>(instance.encoding.get()))
      call_plugin(*instance.encoding, "after_update", [&] { told->after_update(); });
  }
}

std::shared_ptr<Encodings> compose(std::vector<EncodingInstance> instances,
                                   std::vector<LayerEncodings> layers, const ModelShape& shape) {
  return std::make_shared<Encodings>(std::make_unique<Encodings::Data>(Encodings::Data{
      .instances = std::move(instances), .layers = std::move(layers), .shape = shape, .paths = {}}));
}

std::shared_ptr<Encodings> compose(std::shared_ptr<PositionalEncoding> encoding, const ModelShape& shape) {
  return compose({EncodingInstance{.label = {}, .name = "encoding", .encoding = std::move(encoding)}}, {},
                 shape);
}

NamedEncodings encodings_of(const torch::nn::Module& model) {
  for (const auto& module : model.named_modules(/*name_prefix=*/{}, /*include_self=*/false)) {
    if (auto found = std::dynamic_pointer_cast<Encodings>(module.value()))
      return {module.key(), std::move(found)};
  }
  return {};
}

std::int64_t layer_count(const Encodings& encodings) {
  return static_cast<std::int64_t>(encodings.data().layers.size());
}

std::string attention_paths(const torch::nn::Module& model) {
  const std::shared_ptr<Encodings> encodings = encodings_of(model).encodings;
  if (encodings == nullptr) return {};
  const std::vector<std::string>& paths = encodings->data().paths;
  std::string text;
  for (std::size_t first = 0; first < paths.size();) {
    std::size_t last = first;
    while (last + 1 < paths.size() && paths[last + 1] == paths[first]) ++last;
    text += (text.empty() ? "" : "; ") + range_of(first, last) + ": " + paths[first];
    first = last + 1;
  }
  return text;
}

}  // namespace nopos
