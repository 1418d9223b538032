#include "nopos/nn/attention.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>

#include "bfloat16_attention.h"
#include "bfloat16_maps.h"
#include "bfloat16_product.h"
#include "dropout_draw.h"
#include "nopos/error.h"
#include "nopos/nn/initial_weights.h"

namespace nopos {
namespace {

constexpr std::size_t max_masks = 8;         // kept between forwards; more only with as many different layers
constexpr std::int64_t longest_plain = 512;  // keys; measured, docs/decisions/precision.md

template <class... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Match(Cases...) -> Match<Cases...>;

/// The tensor that a term is known by; undefined for one that must be asked.
at::Tensor source(const AttentionBias::Term& term) {
  return std::visit(Match{[](const SlopeBias& slope) { return slope.slopes; },
                          [](const TableBias& table) { return table.values; },
                          [](const DenseBias&) { return at::Tensor(); }},
                    term);
}

/// -> [M,M] int64, i - j: how far key j lies behind query i; negative where it comes after.
at::Tensor distances(std::int64_t length, const at::Tensor& like) {
  const at::Tensor places = at::arange(length, like.options().dtype(at::kLong));
  return places.unsqueeze(1) - places;
}

/// -> [H,M,M] float
at::Tensor values(const AttentionBias::Term& term, const at::Tensor& distance) {
  if (const auto* slope = std::get_if<SlopeBias>(&term)) {
    const at::Tensor slopes = slope->slopes.to(distance.device());
    return distance.to(at::kFloat).neg_() * slopes.view({-1, 1, 1});
  }
  const at::Tensor table = std::get<TableBias>(term).values.to(distance.device());
  const at::Tensor column = distance.clamp(0, table.size(1) - 1).view(-1);
  return table.index_select(1, column).view({table.size(0), distance.size(0), distance.size(1)});
}

bool same_sources(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const at::Tensor& x, const at::Tensor& y) { return x.is_same(y); });
}

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

}  // namespace

void BiasMasks::begin_forward() {
  std::erase_if(entries_, [](const Entry& entry) { return !entry.constant; });
  if (entries_.size() > max_masks) entries_.clear();
}

at::Tensor BiasMasks::mask(const AttentionBias& bias, std::int64_t query_length, std::int64_t past_length,
                           const at::Tensor& like) {
  // -> [1,H,T,S]
  const std::int64_t key_length = past_length + query_length;
  Entry wanted;
  at::Tensor dense;
  for (const AttentionBias::Term& term : bias.terms()) {
    if (const auto* asked = std::get_if<DenseBias>(&term)) {
      at::Tensor part = asked->values(query_length, key_length);  // [H,T,S] or [B,H,T,S]
      if (part.dim() == 3) part = part.unsqueeze(0);
      dense = dense.defined() ? dense + part : part;
    } else {
      wanted.sources.push_back(source(term));
      wanted.kinds.push_back(term.index());
      wanted.constant = wanted.constant && !wanted.sources.back().requires_grad();
    }
  }
  auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& known) {
    return known.kinds == wanted.kinds && same_sources(known.sources, wanted.sources) &&
           known.mask.device() == like.device() && known.mask.scalar_type() == like.scalar_type();
  });
  if (entry == entries_.end()) entry = entries_.insert(entries_.end(), std::move(wanted));
  if (!entry->mask.defined() || entry->mask.size(3) < key_length) {
    const at::Tensor distance = distances(key_length, like);
    at::Tensor sum = at::zeros({1, 1, key_length, key_length}, distance.options().dtype(at::kFloat))
                         .masked_fill_(distance.lt(0), -std::numeric_limits<float>::infinity());
    for (const AttentionBias::Term& term : bias.terms()) {
      if (!std::holds_alternative<DenseBias>(term)) sum = sum + values(term, distance);
    }
    entry->mask = sum.to(like.scalar_type());
  }
  const at::Tensor mask = entry->mask.narrow(2, past_length, query_length).narrow(3, 0, key_length);
  return dense.defined() ? mask + dense : mask;
}

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

at::Tensor MultiheadAttention::forward(const at::Tensor& x, AttentionContext& context,
                                       std::int64_t layer) const {
  // x [B,T,C] -> q,k,v [B,H,T,D] -> [B,T,C]
  auto [q, k, v] = projected(x);
  std::tie(q, k) = context.encoding.transform(std::move(q), std::move(k), context.positions, layer);
  return out_proj_->forward(mixed(q, k, v, context, layer));
}

at::Tensor MultiheadAttention::mixed(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                     AttentionContext& context, std::int64_t layer) const {
  // q [B,H,T,D], k,v [B,H,S,D] -> [B,T,H*D]
  const auto joined = [](const at::Tensor& heads) { return heads.transpose(1, 2).flatten(2); };
  const AttentionBias bias = context.encoding.bias(layer);
  const double p = is_training() ? dropout_ : 0;
  const bool by_heads = p == 0 && q.size(2) == k.size(2) && has_bfloat16_product(q) &&
                        (q.requires_grad() || widens_bfloat16(q));
  const auto in_float = [&] {
    return mixed(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat), context, layer).to(at::kBFloat16);
  };
  if (widens_bfloat16(q) && !by_heads) return in_float();
  const bool plain = goes_plain(q, k, p);
  if (bias.empty() && by_heads) return bfloat16_attention(q, k, v, {});
  if (bias.empty() && !plain)
    return joined(at::scaled_dot_product_attention(q, k, v, {}, p, /*is_causal=*/true));
  const at::TensorOptions options = by_heads ? q.options().dtype(at::kFloat) : q.options();
  const at::Tensor wide =
      context.masks.mask(bias, q.size(2), context.positions.past_length, at::empty({0}, options));
  if (by_heads && !wide.requires_grad()) return bfloat16_attention(q, k, v, wide);
  if (widens_bfloat16(q)) return in_float();
  const at::Tensor mask = wide.to(q.scalar_type());
  return joined(plain ? PlainAttention::apply(q, k, v, mask, p)
                      : at::scaled_dot_product_attention(q, k, v, mask, p));
}

}  // namespace nopos
