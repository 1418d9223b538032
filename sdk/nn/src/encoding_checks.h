#pragma once
/// What an encoding's hooks may return: shape, type and device, looked at without touching a number.

#include "nopos/attention_bias.h"
#include "nopos/plugin_call.h"
#include "nopos/positional_encoding.h"

namespace nopos {

/// "float [2,4,16]", "int64 [2] on cuda:0", "no tensor".
std::string described(const at::Tensor& tensor);

/// Each refuses, by `call`, what `call` returned. Widths that `shape` leaves at 0 are not known.
void check_positions(const PluginCall& call, const at::Tensor& positions, const Forward& forward);
void check_embedding(const PluginCall& call, const at::Tensor& added, const Forward& forward,
                     const ModelShape& shape);
/// `name` is "q", "k" or "v", `given` what it was.
void check_transformed(const PluginCall& call, const char* name, const at::Tensor& made,
                       const at::Tensor& given);
/// The terms declared for `scores`, and, when they are asked, those that are functions.
AttentionBias checked_bias(const PositionalEncoding& encoding, const PluginCall& call,
                           const AttentionBias& bias, const ModelShape& shape, const Forward& forward);

}  // namespace nopos
