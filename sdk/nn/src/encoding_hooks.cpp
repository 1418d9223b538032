#include "encoding_hooks.h"

#include <ATen/ATen.h>

#include <string>

#include "declaration.h"
#include "encoding_checks.h"
#include "nopos/error.h"
#include "nopos/finite_trace.h"

namespace nopos {
namespace {

/// `call(encoding, mark)`, marked; what the hook keeps under names is the instance's own.
template <class Call>
void called(ForwardState& forward, const EncodingInstance& instance, PluginCall::Hook hook,
            const Call& call) {
  forward.part = &instance;
  const PluginCall mark(plugin_of(*instance.encoding), hook);
  try {
    call(*instance.encoding, mark);
  } catch (...) {
    mark.rethrow_named();
  }
}

void trace(const PluginCall& call, std::initializer_list<at::Tensor> given,
           std::initializer_list<at::Tensor> made) {
  if (FiniteTrace* trace = FiniteTrace::current()) trace->add(call, given, made);
}

template <class T>
void move_behind(std::vector<T>& all, std::vector<T>& more) {
  for (T& one : more) all.push_back(std::move(one));
}

/// Adds to `all` what one more encoding of the layer declares.
void join(ScoresState& all, ScoresState&& own, const std::string& name) {
  all.scale = own.scale;
  if (own.window > 0) all.window = all.window == 0 ? own.window : std::min(all.window, own.window);
  move_behind(all.slopes, own.slopes);
  move_behind(all.distances, own.distances);
  move_behind(all.outers, own.outers);
  move_behind(all.relatives, own.relatives);
  move_behind(all.relative_keys, own.relative_keys);
  move_behind(all.relative_values, own.relative_values);
  move_behind(all.dense, own.dense);
  move_behind(all.rescores, own.rescores);
  move_behind(all.changes, own.changes);
  if (!own.normalize) return;
  if (all.normalize) {
    throw Error(ExitCode::configuration, "positional_encoding/" + name +
                                             ": another encoding of this layer replaces the softmax already; "
                                             "choose one of the two.");
  }
  all.normalize = std::move(own.normalize);
}

}  // namespace

void ask_positions(ForwardState& forward, const Forward& shown) {
  for (const EncodingInstance& instance : forward.encodings.data().instances) {
    called(forward, instance, {"positions"}, [&](PositionalEncoding& encoding, const PluginCall& call) {
      at::Tensor own = encoding.positions(shown);
      if (!own.defined()) return;
      check_positions(call, own, shown);
      forward.positions = std::move(own);
      forward.own_positions = true;
    });
  }
}

at::Tensor embedded(ForwardState& forward, const Forward& shown, at::Tensor x) {
  // x [B,T,C] -> [B,T,C]
  forward.type = x.scalar_type();
  for (const EncodingInstance& instance : forward.encodings.data().instances) {
    called(forward, instance, {"embed"}, [&](PositionalEncoding& encoding, const PluginCall& call) {
      at::Tensor made = encoding.embed(x, shown);
      check_like(call, "", made, x);
      trace(call, {x}, {made});
      x = std::move(made);
    });
  }
  return x;
}

LayerHooks::LayerHooks(ForwardState& forward, const Forward& shown, std::int64_t depth)
    : forward_(forward), shown_(shown), depth_(depth), encodings_(forward.encodings.data().of_layer(depth)) {
  for (const std::size_t one : encodings_.use)
    raw_keys_ = raw_keys_ || forward.encodings.data().instances[one].encoding->declared().data().raw_keys;
}

template <class Call>
void LayerHooks::for_each(const char* hook, const at::Tensor& x, const Call& call) {
  const Encodings::Data& data = forward_.encodings.data();
  for (const std::size_t one : encodings_.use) {
    LayerState state{.forward = shown_,
                     .index = data.index_of(one, depth_),
                     .depth = depth_,
                     .x = x,
                     .query_positions = forward_.positions,
                     .key_positions = raw_keys_ ? forward_.key_positions : forward_.positions};
    Layer layer(state);
    called(forward_, data.instances[one], {hook, depth_},
           [&](PositionalEncoding& encoding, const PluginCall& mark) {
             call(encoding, layer, mark, data.instances[one].name);
           });
  }
}

at::Tensor LayerHooks::layer_input(const at::Tensor& x) {
  at::Tensor stream = x;
  for_each("layer_input", x, [&](PositionalEncoding& encoding, Layer& layer, const PluginCall& call, auto&) {
    at::Tensor made = encoding.layer_input(stream, layer);
    check_like(call, "", made, stream);
    trace(call, {stream}, {made});
    stream = std::move(made);
  });
  return stream;
}

Heads LayerHooks::inputs(const at::Tensor& x) {
  Heads all{x, x, x};
  for_each("inputs", x, [&](PositionalEncoding& encoding, Layer& layer, const PluginCall& call, auto&) {
    Heads made = encoding.inputs(all, layer);
    check_like(call, "q as ", made.q, all.q);
    check_like(call, "k as ", made.k, all.k);
    check_like(call, "v as ", made.v, all.v);
    trace(call, {all.q, all.k, all.v}, {made.q, made.k, made.v});
    all = std::move(made);
  });
  return all;
}

bool LayerHooks::raw_keys() const { return raw_keys_; }

Heads LayerHooks::transform(const at::Tensor& x, Heads heads) {
  for_each("transform", x, [&](PositionalEncoding& encoding, Layer& layer, const PluginCall& call, auto&) {
    Heads made = encoding.transform(heads, layer);
    check_transformed(call, made, heads);
    trace(call, {heads.q, heads.k, heads.v}, {made.q, made.k, made.v});
    heads = std::move(made);
  });
  return heads;
}

ScoresState LayerHooks::scores(const at::Tensor& x, const Heads& heads, double scale) {
  ScoresState all{.q = heads.q, .k = heads.k, .scale = scale, .window = encodings_.window};
  const HeadSizes sizes{.rows = heads.q.size(0),
                        .heads = heads.q.size(1),
                        .queries = heads.q.size(2),
                        .keys = heads.k.size(2),
                        .value_dim = heads.v.size(3)};
  for_each("scores", x,
           [&](PositionalEncoding& encoding, Layer& layer, const PluginCall& call, const std::string& name) {
             ScoresState own{.q = all.q, .k = all.k, .scale = all.scale};
             Scores scores(own);
             encoding.scores(scores, layer);
             check_terms(encoding, call, own, sizes);
             join(all, std::move(own), name);
           });
  return all;
}

}  // namespace nopos
