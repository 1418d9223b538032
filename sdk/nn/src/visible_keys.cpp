#include "visible_keys.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace nopos {
namespace {

at::Tensor greatest_so_far(const at::Tensor& x) { return std::get<0>(x.cummax(1)); }

/// -> [B,S] bool: tokens with another document than the token before them.
at::Tensor document_starts(const Columns& all, const at::Tensor& places) {
  const at::Tensor last_real = greatest_so_far(at::where(all.real, places, -1));  // [B,S], this one included
  const at::Tensor before =
      at::cat({at::full({last_real.size(0), 1}, -1, last_real.options()), last_real.slice(1, 0, -1)}, 1);
  const at::Tensor other = all.documents.ne(all.documents.gather(1, before.clamp_min(0)));
  return all.real.logical_and(before.ge(0)).logical_and_(other);
}

/// Nothing but padding on the right, where there is any; the common case of training.
Layout plain_layout(const at::Tensor& places, std::int64_t rows, bool all_real) {
  const at::Tensor first = at::zeros_like(places);
  return {.positions = places.expand({rows, places.size(1)}),
          .visible = {.first = first, .last = places + 1, .hidden = {}},
          .regular = true,
          .alike = all_real,
          .plain = true};
}

}  // namespace

at::Tensor VisibleKeys::seen(std::int64_t begin, std::int64_t t, std::int64_t keys, std::int64_t past) const {
  const at::Tensor j = at::arange(keys, first.options());
  at::Tensor seen =
      j.ge(first.narrow(1, begin, t).unsqueeze(2)).logical_and_(j.lt(last.narrow(1, begin, t).unsqueeze(2)));
  if (!hidden.defined()) return seen;
  const at::Tensor itself = j.eq(at::arange(past + begin, past + begin + t, first.options()).unsqueeze(1));
  return seen.logical_and(hidden.logical_not().unsqueeze(1).logical_or(itself));
}

Layout layout_of(const Columns& all, std::int64_t past, bool causal, std::int64_t window) {
  // real, documents [B,S]
  const std::int64_t rows = all.real.size(0), length = all.real.size(1);
  const at::Tensor places = at::arange(length, all.real.options().dtype(at::kLong)).unsqueeze(0);  // [1,S]
  const bool all_real = all.real.all().item<bool>();
  const bool padded_right = all_real || !all.real.slice(1, 1).gt(all.real.slice(1, 0, -1)).any().item<bool>();
  if (past == 0 && causal && padded_right && window == 0 && !all.documents.defined())
    return plain_layout(places, rows, all_real);

  const at::Tensor count = all.real.to(at::kLong).cumsum(1).sub_(1);        // [B,S]
  const at::Tensor leading = count.lt(0).sum(1, /*keepdim=*/true);          // [B,1], of padding
  const at::Tensor end = at::where(all.real, places + 1, 0).amax(1, true);  // [B,1], behind the last token
  at::Tensor positions = count.clamp_min(0), first = leading.expand_as(count);
  at::Tensor last = causal ? places + 1 : end.expand_as(count);
  if (all.documents.defined()) {
    const at::Tensor starts = document_starts(all, places);
    first = at::max(first, greatest_so_far(at::where(starts, places, 0)));
    positions = (count - greatest_so_far(at::where(starts, count, 0))).clamp_min_(0);
    if (!causal) {
      // the next start to the right of each column
      const at::Tensor here = at::where(starts, places, length).flip(1);
      const at::Tensor from_here = std::get<0>(here.cummin(1)).flip(1);
      last = at::min(last, at::cat({from_here.slice(1, 1), at::full_like(leading, length)}, 1));
    }
  }
  if (window > 0) {
    // the columns of the tokens that stand so many before and behind; padding between them does not count
    first = at::max(first, at::searchsorted(count, count - (window - 1)));
    if (!causal) last = at::min(last, at::searchsorted(count, count + window));
  }
  first = at::where(all.real, first, places);
  last = at::where(all.real, last, places + 1);
  const at::Tensor holes =
      all.real.logical_not().logical_and_(places.ge(leading)).logical_and_(places.lt(end));
  const bool whole = !holes.any().item<bool>();
  const std::int64_t now = length - past;
  return {.positions = positions.narrow(1, past, now),
          .visible = {.first = first.narrow(1, past, now),
                      .last = last.narrow(1, past, now),
                      .hidden = whole ? at::Tensor() : all.real.logical_not()},
          .regular = whole,
          .alike = all_real && !all.documents.defined(),
          .plain = false};
}

}  // namespace nopos
