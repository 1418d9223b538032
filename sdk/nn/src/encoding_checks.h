#pragma once
/// What an encoding's hooks may return: shape, type and device, looked at without touching a number.

#include "forward_state.h"
#include "nopos/plugin_call.h"

namespace nopos {

/// "Float [2,4,16]", "Long [2] on cuda:0", "no tensor".
std::string described(const at::Tensor& tensor);

/// Each refuses, by `call`, what `call` returned. Float positions must also be finite.
void check_positions(const PluginCall& call, const at::Tensor& positions, const Forward& forward);
/// `what` comes before the description of `made`: "q as ".
void check_like(const PluginCall& call, const char* what, const at::Tensor& made, const at::Tensor& given);
void check_transformed(const PluginCall& call, const Heads& made, const Heads& given);

struct HeadSizes {
  std::int64_t rows, heads, queries, keys, value_dim;  // B, H, T, S, Dv
};

/// The terms that `encoding` declared; those that are functions are wrapped, so that what they return is
/// checked when they are called.
void check_terms(const PositionalEncoding& encoding, const PluginCall& call, ScoresState& terms,
                 const HeadSizes& sizes);

}  // namespace nopos
