#include "nopos/composite_encoding.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <ostream>

#include "encoding_checks.h"
#include "nopos/error.h"
#include "nopos/finite_trace.h"
#include "forward_state.h"

namespace nopos {
namespace {

using Part = std::pair<std::string, std::shared_ptr<PositionalEncoding>>;

/// `call(mark)`, marked; what the hook keeps under names is the part's own.
template <class Call>
auto called(const Part& named, const char* hook, const Forward& forward, std::int64_t layer,
            const Call& call) {
  forward.state().part = named.first;
  const PluginCall mark(plugin_of(*named.second), {hook, layer});
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

  at::Tensor positions(const Forward& forward) override {
    at::Tensor last;
    for (const Part& part : parts_) {
      const at::Tensor own = called(part, "positions", forward, -1, [&](const PluginCall& call) {
        at::Tensor places = part.second->positions(forward);
        if (places.defined()) check_positions(call, places, forward);
        return places;
      });
      if (own.defined()) last = forward.state().positions = own;
    }
    return last;
  }

  at::Tensor embed(const Forward& forward) override {
    at::Tensor sum;
    for (const Part& part : parts_) {
      const at::Tensor added = called(part, "embed", forward, -1, [&](const PluginCall& call) {
        at::Tensor made = part.second->embed(forward);
        check_embedding(call, made, forward, shape_);
        if (FiniteTrace* trace = FiniteTrace::current()) trace->add(call, {}, {made});
        return made;
      });
      if (added.defined()) sum = sum.defined() ? sum + added : added;
    }
    return sum;
  }

  Heads transform(Heads heads, Layer& layer) override {
    for (const Part& part : parts_) {
      heads = called(part, "transform", layer.forward(), layer.index(), [&](const PluginCall& call) {
        Heads made = part.second->transform(heads, layer);
        check_transformed(call, "q", made.q, heads.q);
        check_transformed(call, "k", made.k, heads.k);
        check_transformed(call, "v", made.v, heads.v);
        if (FiniteTrace* trace = FiniteTrace::current())
          trace->add(call, {heads.q, heads.k, heads.v}, {made.q, made.k, made.v});
        return made;
      });
    }
    return heads;
  }

  void scores(Scores& scores, Layer& layer) override {
    for (const Part& part : parts_) {
      called(part, "scores", layer.forward(), layer.index(), [&](const PluginCall& call) {
        ScoresState own{scores.q(), scores.k()};
        Scores of_part(own);
        part.second->scores(of_part, layer);
        if (!own.bias.empty())
          scores.state().bias += checked_bias(*part.second, call, own.bias, shape_, layer.forward());
      });
    }
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
