#include "nopos/positional_encoding.h"

#include <ATen/ATen.h>

namespace nopos {

at::Tensor position_rows(const PositionContext& context) {
  // tokens [B,T] -> [B,T]
  const at::Tensor real = context.tokens.ne(context.padding_idx).to(at::kLong);
  const at::Tensor places =
      context.given_positions.defined() ? context.given_positions + 1 : real.cumsum(1) + context.past_length;
  return places.mul(real).add_(context.padding_idx);
}

at::Tensor PositionalEncoding::positions(const PositionContext& context) const {
  // -> [B,T]
  if (context.given_positions.defined()) return context.given_positions;
  return at::arange(context.past_length, context.past_length + context.length(), context.tokens.options())
      .expand({context.batch_size(), context.length()});
}

}  // namespace nopos
