#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "nopos/attention_bias.h"
#include "nopos/nn/attention.h"

namespace nopos {
namespace {

constexpr std::size_t max_masks = 8;  // kept between forwards; more only with as many different layers

/// -> [M,M] int64, i - j: how far key j lies behind query i; negative where it comes after.
at::Tensor distances(std::int64_t length, const at::Tensor& like) {
  const at::Tensor places = at::arange(length, like.options().dtype(at::kLong));
  return places.unsqueeze(1) - places;
}

/// -> [1|H,M,M] float, of a term that is one tensor
at::Tensor values(const AttentionBias::Term& term, const at::Tensor& distance) {
  if (const auto* slope = std::get_if<SlopeBias>(&term)) {
    const at::Tensor slopes = slope->slopes.to(distance.device());
    const at::Tensor far = slope->symmetric ? distance.abs() : distance;
    return far.to(at::kFloat).neg_() * slopes.view({-1, 1, 1});
  }
  const auto& by_distance = std::get<DistanceBias>(term);
  const at::Tensor table = by_distance.values.to(distance.device());
  const at::Tensor column = (distance - by_distance.first).clamp_(0, table.size(1) - 1).view(-1);
  return table.index_select(1, column).view({table.size(0), distance.size(0), distance.size(1)});
}

/// -> [1|B,1|H,T,T] of a term that must be asked each time, or undefined
at::Tensor asked(const AttentionBias::Term& term, const Tile& tile) {
  if (const auto* dense = std::get_if<DenseBias>(&term)) return dense->values(tile);
  const auto* outer = std::get_if<OuterBias>(&term);
  if (outer == nullptr) return {};
  at::Tensor sum;
  if (outer->queries.defined()) sum = outer->queries.unsqueeze(3);
  if (outer->keys.defined()) sum = sum.defined() ? sum + outer->keys.unsqueeze(2) : outer->keys.unsqueeze(2);
  return sum;
}

bool same_sources(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const at::Tensor& x, const at::Tensor& y) { return x.is_same(y); });
}

bool is_one_tensor(const AttentionBias::Term& term) {
  return std::holds_alternative<SlopeBias>(term) || std::holds_alternative<DistanceBias>(term);
}

}  // namespace

void BiasMasks::begin_forward() {
  std::erase_if(entries_, [](const Entry& entry) { return !entry.constant; });
  if (entries_.size() > max_masks) entries_.clear();
}

at::Tensor BiasMasks::mask(const AttentionBias& bias, const at::Tensor& q, const at::Tensor& like) {
  // q [B,H,T,D] -> [1|B,1|H,T,T]
  const std::int64_t length = q.size(2);
  Entry wanted;
  at::Tensor changing;
  for (const AttentionBias::Term& term : bias.terms()) {
    if (const auto* slope = std::get_if<SlopeBias>(&term)) {
      wanted.sources.push_back(slope->slopes);
      wanted.kinds.insert(wanted.kinds.end(), {0, slope->symmetric});
    } else if (const auto* table = std::get_if<DistanceBias>(&term)) {
      wanted.sources.push_back(table->values);
      wanted.kinds.insert(wanted.kinds.end(), {1, table->first});
    } else {
      const at::Tensor places = at::arange(length, like.options().dtype(at::kLong)).unsqueeze(0);
      if (const at::Tensor part = asked(term, {places, places, q}); part.defined())
        changing = changing.defined() ? changing + part : part;
      continue;
    }
    wanted.constant = wanted.constant && !wanted.sources.back().requires_grad();
  }
  auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& known) {
    return known.kinds == wanted.kinds && same_sources(known.sources, wanted.sources) &&
           known.mask.device() == like.device() && known.mask.scalar_type() == like.scalar_type();
  });
  if (entry == entries_.end()) entry = entries_.insert(entries_.end(), std::move(wanted));
  if (!entry->mask.defined() || entry->mask.size(3) < length) {
    const at::Tensor distance = distances(length, like);
    at::Tensor sum = at::zeros({1, 1, length, length}, distance.options().dtype(at::kFloat))
                         .masked_fill_(distance.lt(0), -std::numeric_limits<float>::infinity());
    for (const AttentionBias::Term& term : bias.terms()) {
      if (is_one_tensor(term)) sum = sum + values(term, distance);
    }
    entry->mask = sum.to(like.scalar_type());
  }
  const at::Tensor mask = entry->mask.narrow(2, 0, length).narrow(3, 0, length);
  return changing.defined() ? mask + changing : mask;
}

}  // namespace nopos
