#include "nopos/composite_encoding.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <tuple>

#include "encoding_checks.h"
#include "nopos/error.h"
#include "nopos/finite_trace.h"

namespace nopos {
namespace {

using Part = std::pair<std::string, std::shared_ptr<PositionalEncoding>>;

/// `call(mark)`, marked.
template <class Call>
auto called(const PositionalEncoding& part, const char* hook, std::int64_t layer, const Call& call) {
  const PluginCall mark(plugin_of(part), {hook, layer});
  try {
    return call(mark);
  } catch (...) {
    mark.rethrow_named();
  }
}

std::vector<std::pair<std::string, at::Tensor>> tables_of(const PositionalEncoding& part) {
  return call_plugin(part, "tables", [&] { return part.tables(); });
}

class CompositeEncoding final : public PositionalEncoding {
 public:
  CompositeEncoding(std::vector<Part> parts, const ModelShape& shape)
      : parts_(std::move(parts)), shape_(shape) {
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

  /// One encoding looks like itself in the log.
  void pretty_print(std::ostream& stream) const override {
    parts_.size() == 1 ? parts_.front().second->pretty_print(stream)
                       : PositionalEncoding::pretty_print(stream);
  }

  Traits traits() const override {
    Traits all;
    for (const auto& [name, part] : parts_) {
      const std::optional<std::int64_t> limit =
          call_plugin(*part, "traits", [&part = part] { return part->traits(); }).max_length;
      if (limit && *limit < 1) {
        PluginCall(plugin_of(*part), PluginCall::Hook{"traits"})
            .refuse("its longest sequence is " + std::to_string(*limit) + " tokens, at least 1 is needed");
      }
      if (limit) all.max_length = std::min(*limit, all.max_length.value_or(*limit));
    }
    return all;
  }

  at::Tensor positions(const PositionContext& context) const override {
    const PositionalEncoding& part = *parts_.front().second;
    return called(part, "positions", -1, [&](const PluginCall& call) {
      at::Tensor places = part.positions(context);
      check_positions(call, places, context);
      return places;
    });
  }

  at::Tensor embed(const PositionContext& context) override {
    at::Tensor sum;
    for (const auto& [name, part] : parts_) {
      const at::Tensor added =
          called(*part, "embed", -1, [&part = part, &context, this](const PluginCall& call) {
            at::Tensor made = part->embed(context);
            check_embedding(call, made, context, shape_);
            if (FiniteTrace* trace = FiniteTrace::current()) trace->add(call, {}, {made});
            return made;
          });
      if (added.defined()) sum = sum.defined() ? sum + added : added;
    }
    return sum;
  }

  std::pair<at::Tensor, at::Tensor> transform(at::Tensor q, at::Tensor k, const PositionContext& context,
                                              std::int64_t layer) override {
    for (const auto& [name, part] : parts_) {
      std::tie(q, k) = called(*part, "transform", layer, [&, &part = part](const PluginCall& call) {
        auto made = part->transform(q, k, context, layer);
        check_transformed(call, "q", made.first, q);
        check_transformed(call, "k", made.second, k);
        if (FiniteTrace* trace = FiniteTrace::current()) trace->add(call, {q, k}, {made.first, made.second});
        return made;
      });
    }
    return {std::move(q), std::move(k)};
  }

  AttentionBias bias(std::int64_t layer) const override {
    AttentionBias sum;
    for (const auto& [name, part] : parts_) {
      sum += called(*part, "bias", layer, [&, &part = part](const PluginCall& call) {
        const AttentionBias declared = part->bias(layer);
        return declared.empty() ? declared : checked_bias(*part, call, declared, shape_);
      });
    }
    return sum;
  }

  std::vector<std::pair<std::string, at::Tensor>> tables() const override {
    if (parts_.size() == 1) return tables_of(*parts_.front().second);
    std::vector<std::pair<std::string, at::Tensor>> all;
    for (const auto& [name, part] : parts_) {
      for (auto& [table, values] : tables_of(*part)) all.emplace_back(name + "." + table, std::move(values));
    }
    return all;
  }

 private:
  void check_unused(const std::string& tensor, const std::string& encoding) {
    const auto [place, is_new] = owners_.emplace(tensor, encoding);
    if (is_new) return;
    throw Error(ExitCode::configuration,
                "positional encodings '" + place->second + "' and '" + encoding +
                    "' both have a tensor named '" + tensor +
                    "', so they cannot be saved in one checkpoint; choose one of them.");
  }

  std::vector<Part> parts_;
  ModelShape shape_;
  std::map<std::string, std::string> owners_;  // name of a tensor or sub-module -> the encoding it belongs to
};

}  // namespace

std::shared_ptr<PositionalEncoding> compose(std::vector<Part> encodings, const ModelShape& shape) {
  if (encodings.empty()) return std::make_shared<PositionalEncoding>();
  return std::make_shared<CompositeEncoding>(std::move(encodings), shape);
}

}  // namespace nopos
