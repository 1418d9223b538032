#include "nopos/nn/attention.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "bfloat16_attention.h"
#include "bfloat16_maps.h"
#include "bfloat16_product.h"
#include "dropout_draw.h"
#include "explicit_attention.h"
#include "forward_state.h"
#include "nopos/attention_bias.h"
#include "nopos/error.h"
#include "nopos/nn/initial_weights.h"
#include "nopos/nn/recomputation.h"

namespace nopos {
namespace {

constexpr std::int64_t longest_plain = 512;  // keys; measured, docs/decisions/precision.md

/// The formula as it stands, in products of whole matrices, with dropout of the weights where p > 0. Backward
/// needs the weights alone; what the layers keep is most of a model's memory.
struct PlainAttention : torch::autograd::Function<PlainAttention> {
  // q,k,v [B,H,T,D], mask [1|B,1|H,T,T] -> [B,H,T,D]
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const at::Tensor& mask, double p) {
    const auto flat = [](const at::Tensor& x) { return x.reshape({-1, x.size(2), x.size(3)}); };
    const at::Tensor scaled_q = flat(q) * scale(q), flat_k = flat(k), flat_v = flat(v);
    const at::Tensor scores = at::bmm(scaled_q, flat_k.transpose(1, 2));
    scores.view({q.size(0), q.size(1), q.size(2), k.size(2)}).add_(mask);
    const at::Tensor weights = scores.softmax(-1);
    const DropoutChoice choice = p > 0 ? choose(weights, p) : DropoutChoice{};
    ctx->save_for_backward({scaled_q, flat_k, flat_v, weights, choice.mask});
    ctx->saved_data["p"] = p;
    ctx->saved_data["key"] = choice.key;
    ctx->saved_data["mask_sizes"] = mask.requires_grad() ? mask.sizes().vec() : std::vector<std::int64_t>();
    return at::bmm(kept(weights, p, choice), flat_v).view(q.sizes());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &scaled_q = saved[0], &k = saved[1], &v = saved[2], &weights = saved[3];  // [B*H,T,...]
    const double p = ctx->saved_data["p"].toDouble();
    const DropoutChoice choice{ctx->saved_data["key"].toInt(), saved[4]};
    const auto sizes = grads[0].sizes();
    const at::Tensor grad = grads[0].reshape(v.sizes());
    const at::Tensor grad_v = at::bmm(kept(weights, p, choice).transpose(1, 2), grad);
    const at::Tensor grad_weights = kept(at::bmm(grad, v.transpose(1, 2)), p, choice);
    const at::Tensor grad_scores =
        at::_softmax_backward_data(grad_weights, weights, -1, weights.scalar_type());
    const auto mask_sizes = ctx->saved_data["mask_sizes"].toIntVector();
    at::Tensor grad_mask;
    if (!mask_sizes.empty()) {
      grad_mask = grad_scores.view({sizes[0], sizes[1], sizes[2], k.size(1)}).sum_to_size(mask_sizes);
    }
    return {at::bmm(grad_scores, k).mul_(scale(v)).view(sizes),
            at::bmm(grad_scores.transpose(1, 2), scaled_q).view(sizes), grad_v.view(sizes), grad_mask,
            at::Tensor()};
  }

 private:
  static double scale(const at::Tensor& heads) { return 1 / std::sqrt(static_cast<double>(heads.size(-1))); }

  static at::Tensor kept(const at::Tensor& x, double p, const DropoutChoice& choice) {
    return p > 0 ? dropped(x, p, choice) : x;
  }
};

/// Whether attention, where it is not `bfloat16_attention`, goes by PlainAttention: on the CPU, where ATen's
/// fused kernel knows no dropout, and where its blocks are too small for the start of a bfloat16 product,
/// which its backward pays for every one.
bool goes_plain(const at::Tensor& q, const at::Tensor& k, double p) {
  // q [B,H,T,D], k [B,H,S,D]
  const bool small_blocks =
      q.scalar_type() == at::kBFloat16 && q.requires_grad() && k.size(2) <= longest_plain;
  return q.is_cpu() && (p > 0 || small_blocks);
}

at::Tensor joined(const at::Tensor& heads) { return heads.transpose(1, 2).flatten(2); }

bool reads_positions(const AttentionBias& bias) {
  return std::any_of(bias.terms().begin(), bias.terms().end(),
                     [](const AttentionBias::Term& term) { return std::holds_alternative<DenseBias>(term); });
}

/// Whether a forward has to go by the formula: only whole sequences whose tokens stand side by side are what
/// the fast ways know, and they take columns for positions.
bool goes_explicit(const ForwardState& forward, const AttentionBias& bias, bool shows_weights) {
  return forward.only_explicit || forward.past > 0 || !forward.causal || !forward.regular() ||
         shows_weights || (!forward.layout.plain && reads_positions(bias));
}

}  // namespace

MultiheadAttention::MultiheadAttention(std::int64_t dim, std::int64_t heads, double dropout)
    : heads_(heads), dropout_(dropout) {
  if (heads < 1 || dim % heads != 0) {
    throw Error(ExitCode::configuration, "attention: the dimension " + std::to_string(dim) +
                                             " is not a multiple of the number of heads " +
                                             std::to_string(heads) + ".");
  }
  k_proj_ = register_module("k_proj", std::make_shared<Linear>(dim, dim));
  v_proj_ = register_module("v_proj", std::make_shared<Linear>(dim, dim));
  q_proj_ = register_module("q_proj", std::make_shared<Linear>(dim, dim));
  out_proj_ = register_module("out_proj", std::make_shared<Linear>(dim, dim));
  for (const auto& projection : {k_proj_, v_proj_, q_proj_}) {
    init_xavier_(projection->weight(), 1 / std::sqrt(2.0));
  }
  init_xavier_(out_proj_->weight());
  const at::NoGradGuard no_grad;
  out_proj_->bias().zero_();
}

std::array<at::Tensor, 3> MultiheadAttention::projected(const at::Tensor& x) const {
  // x [B,T,C] -> q,k,v [B,H,T,D]
  if (has_bfloat16_product(x, q_proj_->weight()) && x.requires_grad()) {
    return bfloat16_heads(
        x, {affine_weights(*q_proj_, x), affine_weights(*k_proj_, x), affine_weights(*v_proj_, x)}, heads_);
  }
  const auto heads_of = [&](const Linear& map) {
    return map.forward(x).view({x.size(0), x.size(1), heads_, -1}).transpose(1, 2);
  };
  return {heads_of(*q_proj_), heads_of(*k_proj_), heads_of(*v_proj_)};
}

at::Tensor MultiheadAttention::forward(const at::Tensor& x, ForwardPass& pass, std::int64_t layer) const {
  // x [B,T,C] -> q, k, v [B,H,T,D] -> [B,T,C]
  auto [q, k, v] = projected(x);
  const ForwardState& forward = pass.state();
  Heads heads = pass.transformed(layer, x, {std::move(q), std::move(k), std::move(v)});
  if (LayerMemory* const memory = forward.memory(layer)) {
    constexpr std::int64_t columns = 2;
    heads.k = memory->k.append(heads.k, forward.past, forward.planned, columns);
    heads.v = memory->v.append(heads.v, forward.past, forward.planned, columns);
  }
  return out_proj_->forward(mixed(heads, pass.declared(layer, x, heads.q, heads.k), pass, layer));
}

at::Tensor MultiheadAttention::mixed(const Heads& heads, const AttentionBias& bias, ForwardPass& pass,
                                     std::int64_t layer) const {
  // q [B,H,T,D], k, v [B,H,S,D] -> [B,T,H*D]
  const ForwardState& forward = pass.state();
  Observer* const observer = forward.options.observer;
  const bool shows_weights = observer != nullptr && observer->wants_weights(layer);
  if (!goes_explicit(forward, bias, shows_weights)) return mixed_fast(heads, bias, pass);
  at::Tensor weights, keys = forward.key_positions;
  if (forward.alike()) keys = keys.narrow(0, 0, 1);
  const ExplicitAttention attention{.bias = bias,
                                    .visible = forward.layout.visible,
                                    .query_positions = keys.narrow(1, forward.past, heads.q.size(2)),
                                    .key_positions = keys,
                                    .dropout = is_training() ? dropout_ : 0,
                                    .weights = shows_weights ? &weights : nullptr};
  const at::Tensor result = joined(attention(heads.q, heads.k, heads.v));
  if (shows_weights && !recomputing()) observer->weights(layer, weights);
  return result;
}

at::Tensor MultiheadAttention::mixed_fast(const Heads& heads, const AttentionBias& bias,
                                          ForwardPass& pass) const {
  // q, k, v [B,H,T,D] -> [B,T,H*D]
  const auto& [q, k, v] = heads;
  const double p = is_training() ? dropout_ : 0;
  const bool by_heads = p == 0 && has_bfloat16_product(q) && (q.requires_grad() || widens_bfloat16(q));
  const auto in_float = [&] {
    return mixed_fast({q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat)}, bias, pass).to(at::kBFloat16);
  };
  if (widens_bfloat16(q) && !by_heads) return in_float();
  const bool plain = goes_plain(q, k, p), only_causal = bias.empty() && pass.state().layout.plain;
  if (only_causal && by_heads) return bfloat16_attention(q, k, v, {});
  if (only_causal && !plain)  // as many queries as keys: elsewhere ATen's triangle would lie wrong
    return joined(at::scaled_dot_product_attention(q, k, v, {}, p, /*is_causal=*/true));
  const at::TensorOptions options = by_heads ? q.options().dtype(at::kFloat) : q.options();
  const at::Tensor like = at::empty({0}, options);
  at::Tensor wide = pass.state().masks.mask(bias, q, like);
  if (!pass.state().layout.plain) wide = wide + pass.state().mask_of_ranges(like);
  if (by_heads && !wide.requires_grad()) return bfloat16_attention(q, k, v, wide);
  if (widens_bfloat16(q)) return in_float();
  const at::Tensor mask = wide.to(q.scalar_type());
  return joined(plain ? PlainAttention::apply(q, k, v, mask, p)
                      : at::scaled_dot_product_attention(q, k, v, mask, p));
}

}  // namespace nopos
