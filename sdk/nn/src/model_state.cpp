#include "nopos/model_state.h"

#include <algorithm>

namespace nopos {
namespace {

template <class Visit>
void walk(const torch::nn::Module& module, const std::string& prefix, const Visit& visit) {
  for (const auto& parameter : module.named_parameters(/*recurse=*/false)) {
    visit(prefix + parameter.key(), parameter.value(), /*is_parameter=*/true);
  }
  for (const auto& buffer : module.named_buffers(/*recurse=*/false)) {
    visit(prefix + buffer.key(), buffer.value(), /*is_parameter=*/false);
  }
  for (const auto& child : module.named_children()) walk(*child.value(), prefix + child.key() + ".", visit);
}

}  // namespace

NamedTensors named_state(const torch::nn::Module& model) {
  NamedTensors state;
  walk(model, "", [&](std::string name, const at::Tensor& tensor, bool) {
    state.emplace_back(std::move(name), tensor);
  });
  return state;
}

NamedTensors trainable_parameters(const torch::nn::Module& model) {
  NamedTensors parameters;
  walk(model, "", [&](std::string name, const at::Tensor& tensor, bool is_parameter) {
    const auto same = [&](const auto& known) { return known.second.is_same(tensor); };
    if (!is_parameter || !tensor.requires_grad()) return;
    if (std::none_of(parameters.begin(), parameters.end(), same)) {
      parameters.emplace_back(std::move(name), tensor);
    }
  });
  return parameters;
}

}  // namespace nopos
