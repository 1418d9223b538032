#include "nopos/composite_encoding.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "nopos/error.h"

namespace nopos {
namespace {

using Part = std::pair<std::string, std::shared_ptr<PositionalEncoding>>;

class CompositeEncoding final : public PositionalEncoding {
 public:
  explicit CompositeEncoding(std::vector<Part> parts) : parts_(std::move(parts)) {
    for (const auto& [name, part] : parts_) {
      for (const auto& tensor : part->named_parameters(/*recurse=*/false)) {
        check_unused(tensor.key(), name);
        register_parameter(tensor.key(), tensor.value(), tensor.value().requires_grad());
      }
      for (const auto& tensor : part->named_buffers(/*recurse=*/false)) {
        check_unused(tensor.key(), name);
        register_buffer(tensor.key(), tensor.value());
      }
      for (const auto& child : part->named_children()) {
        check_unused(child.key(), name);
        register_module(child.key(), child.value());
      }
    }
  }

  void train(bool on) override {
    PositionalEncoding::train(on);
    for (const auto& [name, part] : parts_) part->train(on);
  }

  Traits traits() const override {
    Traits all;
    for (const auto& [name, part] : parts_) {
      const std::optional<std::int64_t> limit = part->traits().max_length;
      if (limit) all.max_length = std::min(*limit, all.max_length.value_or(*limit));
    }
    return all;
  }

  at::Tensor positions(const PositionContext& context) const override {
    return parts_.front().second->positions(context);
  }

  at::Tensor embed(const PositionContext& context) override {
    at::Tensor sum;
    for (const auto& [name, part] : parts_) {
      const at::Tensor added = part->embed(context);
      if (added.defined()) sum = sum.defined() ? sum + added : added;
    }
    return sum;
  }

  std::pair<at::Tensor, at::Tensor> transform(at::Tensor q, at::Tensor k, const PositionContext& context,
                                              std::int64_t layer) override {
    std::pair<at::Tensor, at::Tensor> both{std::move(q), std::move(k)};
    for (const auto& [name, part] : parts_) {
      both = part->transform(std::move(both.first), std::move(both.second), context, layer);
    }
    return both;
  }

  AttentionBias bias(std::int64_t layer) const override {
    AttentionBias sum;
    for (const auto& [name, part] : parts_) sum += part->bias(layer);
    return sum;
  }

  std::vector<std::pair<std::string, at::Tensor>> tables() const override {
    std::vector<std::pair<std::string, at::Tensor>> all;
    for (const auto& [name, part] : parts_) {
      for (auto& [table, values] : part->tables()) all.emplace_back(name + "." + table, std::move(values));
    }
    return all;
  }

 private:
  void check_unused(const std::string& tensor, const std::string& encoding) {
    const auto [place, is_new] = owners_.emplace(tensor, encoding);
    if (is_new) return;
    throw Error(ExitCode::configuration,
                "positional encodings '" + place->second + "' and '" + encoding +
                    "' both keep a tensor called '" + tensor +
                    "', so a checkpoint could not tell them apart; choose one of them.");
  }

  std::vector<Part> parts_;
  std::map<std::string, std::string> owners_;  // name of a tensor or sub-module -> the encoding it belongs to
};

}  // namespace

std::shared_ptr<PositionalEncoding> compose(std::vector<Part> encodings) {
  if (encodings.empty()) return std::make_shared<PositionalEncoding>();
  if (encodings.size() == 1) return std::move(encodings.front().second);
  return std::make_shared<CompositeEncoding>(std::move(encodings));
}

}  // namespace nopos
