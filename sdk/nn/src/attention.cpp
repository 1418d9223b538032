#include "nopos/nn/attention.h"

#include <ATen/ATen.h>

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "attention_path.h"
#include "bfloat16_maps.h"
#include "bfloat16_product.h"
#include "dropout_draw.h"
#include "encoding_hooks.h"
#include "explicit_attention.h"
#include "forward_state.h"
#include "fused_attention.h"
#include "nopos/error.h"
#include "nopos/nn/initial_weights.h"
#include "nopos/nn/recomputation.h"

namespace nopos {
namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(ExitCode::configuration, "attention: " + sentence);
}

/// The shape with its defaults filled in, if it can be built.
AttentionShape whole(AttentionShape shape) {
  const auto text = [](std::int64_t n) { return std::to_string(n); };
  if (shape.heads < 1) refuse("the number of heads is " + text(shape.heads) + "; it is at least 1.");
  if (shape.key_heads == 0) shape.key_heads = shape.heads;
  if (shape.key_heads < 1 || shape.heads % shape.key_heads != 0) {
    refuse("the number of heads " + text(shape.heads) + " is not a multiple of the number of key heads " +
           text(shape.key_heads) + ".");
  }
  if (shape.head_dim == 0) {
    if (shape.dim % shape.heads != 0) {
      refuse("the dimension " + text(shape.dim) + " is not a multiple of the number of heads " +
             text(shape.heads) + ".");
    }
    shape.head_dim = shape.dim / shape.heads;
  }
  if (shape.value_dim == 0) shape.value_dim = shape.head_dim;
  if (shape.dim < 1 || shape.head_dim < 1 || shape.value_dim < 1) {
    refuse("its widths are " + text(shape.dim) + ", of a head " + text(shape.head_dim) + " and " +
           text(shape.value_dim) + "; each is at least 1.");
  }
  return shape;
}

at::Tensor joined(const at::Tensor& heads) { return heads.transpose(1, 2).flatten(2); }

bool requires_gradient(const Heads& heads, const ScoresState& declared) {
  if (!at::GradMode::is_enabled()) return false;
  const auto any = [](const auto&... tensors) {
    return ((tensors.defined() && tensors.requires_grad()) || ...);
  };
  bool found = any(heads.q, heads.k, heads.v);
  for (const SlopeBias& term : declared.slopes) found = found || any(term.slopes);
  for (const DistanceBias& term : declared.distances) found = found || any(term.values);
  for (const OuterBias& term : declared.outers) found = found || any(term.queries, term.keys);
  for (const RelativeTerm& term : declared.relatives) found = found || any(term.features, term.table);
  return found;
}

/// Attention of one layer, its heads made and its terms declared.
class Attending {
 public:
  Attending(const Heads& heads, const ScoresState& declared, ForwardState& forward, double dropout)
      : heads_(heads),
        declared_(declared),
        forward_(forward),
        layout_(forward.seen_within(declared.window)),
        dropout_(dropout) {}

  AttentionPath path(bool shows_weights) const {
    return choose({.formula_is_forced = forward_.only_formula || shows_weights,
                   .on_cpu = heads_.q.is_cpu(),
                   .type = heads_.q.scalar_type(),
                   .fused = has_fused_attention(heads_.q),
                   .narrow_aten = !widens_bfloat16(heads_.q),
                   .has_gradient = requires_gradient(heads_, declared_),
                   .has_dropout = dropout_ > 0,
                   .dropout_by_key = draws_dropout_by_key(),
                   .queries = heads_.q.size(2),
                   .keys = heads_.k.size(2),
                   .plain_layout = layout_.plain && forward_.causal,
                   .has_holes = layout_.visible.hidden.defined(),
                   .by_columns = forward_.regular(),
                   .has_terms = !declared_.plain(),
                   .has_tables = has_tables(declared_),
                   .needs_formula = declared_.needs_formula()});
  }

  /// -> [B,T,H*Dv]
  at::Tensor operator()(AttentionPath path, at::Tensor* weights) const {
    const auto& [q, k, v] = heads_;
    if (path == AttentionPath::aten) {
      const bool grouped = k.size(1) != q.size(1);
      return changed(at::scaled_dot_product_attention(q, k, v, {}, dropout_, /*is_causal=*/true,
                                                      declared_.scale, grouped));
    }
    if (path == AttentionPath::formula) {
      at::Tensor keys = forward_.key_positions;
      if (forward_.alike()) keys = keys.narrow(0, 0, 1);
      const ExplicitAttention formula{.declared = declared_,
                                      .visible = layout_.visible,
                                      .query_positions = keys.narrow(-1, forward_.past, q.size(2)),
                                      .key_positions = keys,
                                      .dropout = dropout_,
                                      .dropout_key = dropout_key(),
                                      .weights = weights};
      return changed(formula(q, k, v));
    }
    const at::Tensor result = fused_attention(path, heads_, declared_, forward_, layout_.visible, dropout_);
    if (declared_.changes.empty()) return result;
    return changed(result.view({q.size(0), q.size(2), q.size(1), -1}).transpose(1, 2));
  }

 private:
  std::optional<std::int64_t> dropout_key() const {
    if (dropout_ == 0 || !heads_.q.is_cpu() || !draws_dropout_by_key()) return std::nullopt;
    return draw_dropout_key();
  }
  /// results [B,H,T,Dv] -> [B,T,H*Dv]
  at::Tensor changed(at::Tensor results) const {
    for (const auto& change : declared_.changes) results = change(results);
    return joined(results);
  }

  const Heads& heads_;
  const ScoresState& declared_;
  ForwardState& forward_;
  const Layout& layout_;
  double dropout_;
};

/// Keeps for the log which way a layer went.
void note(Encodings::Data& data, std::int64_t layer, AttentionPath path) {
  const auto index = static_cast<std::size_t>(layer);
  if (data.paths.size() <= index) data.paths.resize(index + 1, "not used");
  data.paths[index] = name_of(path);
}

}  // namespace

MultiheadAttention::MultiheadAttention(const AttentionShape& shape) : shape_(whole(shape)) {
  const auto map = [&](const char* name, std::int64_t in, std::int64_t out) {
    return register_module(name, std::make_shared<Linear>(in, out, shape_.bias));
  };
  k_proj_ = map("k_proj", shape_.dim, shape_.key_heads * shape_.head_dim);
  v_proj_ = map("v_proj", shape_.dim, shape_.key_heads * shape_.value_dim);
  q_proj_ = map("q_proj", shape_.dim, shape_.heads * shape_.head_dim);
  out_proj_ = map("out_proj", shape_.heads * shape_.value_dim, shape_.dim);
  if (shape_.qk_norm) {
    q_norm_ = register_module("q_norm", std::make_shared<RMSNorm>(shape_.head_dim));
    k_norm_ = register_module("k_norm", std::make_shared<RMSNorm>(shape_.head_dim));
  }
  for (const auto& projection : {k_proj_, v_proj_, q_proj_})
    init_xavier_(projection->weight(), 1 / std::sqrt(2.0));
  init_xavier_(out_proj_->weight());
  const at::NoGradGuard no_grad;
  if (shape_.bias) out_proj_->bias().zero_();
}

Heads MultiheadAttention::projected(const Heads& inputs) const {
  // each [B,T,C] -> q [B,H,T,D], k [B,Hk,T,D], v [B,Hk,T,Dv]
  const at::Tensor& x = inputs.q;
  const bool one_input = inputs.k.is_same(x) && inputs.v.is_same(x);
  const bool alike = shape_.key_heads == shape_.heads && shape_.value_dim == shape_.head_dim && shape_.bias;
  if (one_input && alike && has_bfloat16_product(x, q_proj_->weight()) && x.requires_grad()) {
    auto [q, k, v] = bfloat16_heads(
        x, {affine_weights(*q_proj_, x), affine_weights(*k_proj_, x), affine_weights(*v_proj_, x)},
        shape_.heads);
    return {std::move(q), std::move(k), std::move(v)};
  }
  const auto heads_of = [&](const Linear& map, const at::Tensor& input, std::int64_t heads) {
    return map.forward(input).view({input.size(0), input.size(1), heads, -1}).transpose(1, 2);
  };
  return {heads_of(*q_proj_, inputs.q, shape_.heads), heads_of(*k_proj_, inputs.k, shape_.key_heads),
          heads_of(*v_proj_, inputs.v, shape_.key_heads)};
}

at::Tensor MultiheadAttention::forward(const at::Tensor& x, ForwardPass& pass, std::int64_t layer) const {
  // x [B,T,C] -> [B,T,C]
  ForwardState& state = pass.state();
  LayerHooks hooks(state, pass.forward(), layer);
  Heads heads = projected(hooks.inputs(x));
  if (q_norm_) heads.q = q_norm_->forward(heads.q), heads.k = k_norm_->forward(heads.k);
  LayerMemory* const memory = state.memory(layer);
  const auto remember = [&] {
    constexpr std::int64_t columns = 2;
    heads.k = memory->k.append(heads.k, state.past, state.planned, columns);
    heads.v = memory->v.append(heads.v, state.past, state.planned, columns);
  };
  if (memory != nullptr && hooks.raw_keys()) remember();
  heads = hooks.transform(x, std::move(heads));
  if (memory != nullptr && !hooks.raw_keys()) remember();

  const double scale = 1 / std::sqrt(static_cast<double>(shape_.head_dim));
  const ScoresState declared = hooks.scores(x, heads, scale);
  Observer* const observer = state.options.observer;
  const bool shows_weights = observer != nullptr && observer->wants_weights(layer);
  const Attending attending(heads, declared, state, is_training() ? shape_.dropout : 0);
  const AttentionPath path = attending.path(shows_weights);
  note(state.encodings.data(), layer, path);
  at::Tensor weights;
  const at::Tensor mixed = attending(path, shows_weights ? &weights : nullptr);
  if (shows_weights && !recomputing()) observer->weights(layer, weights);
  return out_proj_->forward(mixed);
}

}  // namespace nopos
