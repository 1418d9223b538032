#pragma once
/// What stands behind Forward, Layer, Scores and DecodingState.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nopos/attention_bias.h"
#include "nopos/forward_pass.h"
#include "nopos/positional_encoding.h"
#include "visible_keys.h"

namespace nopos {

class BiasMasks;

/// A tensor that grows along one dimension, in memory for all that is planned.
class Growing {
 public:
  /// `values` go behind the first `past` columns of dimension `dim` -> all columns.
  at::Tensor append(const at::Tensor& values, std::int64_t past, std::int64_t planned, std::int64_t dim);
  bool defined() const { return held_.defined(); }
  at::Tensor columns(std::int64_t length, std::int64_t dim) const { return held_.narrow(dim, 0, length); }
  void select_rows(const at::Tensor& rows) { held_ = held_.index_select(0, rows); }

 private:
  at::Tensor held_;
};

/// What one layer remembers.
struct LayerMemory {
  Growing k, v;                                // [B,H,S,D]
  std::map<std::string, Growing> tokens;       // [B,S,...], by encoding and name
  std::map<std::string, at::Tensor> carried;   // [B,...]
  std::map<std::string, at::Tensor> to_carry;  // of the forward at hand
};

struct DecodingState::Data {
  Shape shape;
  std::int64_t length = 0;
  at::Tensor ids;              // [B] of the samples, or undefined
  at::Tensor real, documents;  // [B,S], `documents` may be undefined
  at::Tensor positions;        // [B,S], as the encodings left them
  bool own_positions = false;  // somebody else than the SDK said where tokens stand
  std::vector<LayerMemory> layers;
};

struct ForwardState {
  ForwardState(PositionalEncoding& encoding, BiasMasks& masks, const ForwardOptions& options)
      : encoding(encoding), masks(masks), options(options) {}

  PositionalEncoding& encoding;
  BiasMasks& masks;
  ForwardOptions options;
  bool causal = true, only_explicit = false;
  std::int64_t padding_idx = 1, past = 0, planned = 0;
  at::Tensor tokens, ids, real, documents;  // [B,T]; `ids` [B]
  at::Tensor all_real, all_documents;       // [B,S]
  at::Tensor positions, key_positions;      // [B,T], [B,S]
  Layout layout;
  bool own_positions = false;
  std::string part;  // of the encoding whose hook runs
  std::map<std::string, at::Tensor> memo;
  at::Tensor range_mask;

  LayerMemory* memory(std::int64_t layer) const;
  bool regular() const { return layout.regular && !own_positions; }
  bool alike() const { return layout.alike && !own_positions; }
  /// -> [B,1,T,T] of `like`'s type: -inf where a key may not be seen
  at::Tensor mask_of_ranges(const at::Tensor& like);
};

struct LayerState {
  const Forward& forward;
  std::int64_t index;
  at::Tensor x;
};

struct ScoresState {
  at::Tensor q, k;
  AttentionBias bias = {};
};

}  // namespace nopos
