#pragma once
/// What stands behind Forward, Layer, Scores and DecodingState.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nopos/encodings.h"
#include "nopos/forward_pass.h"
#include "nopos/positional_encoding.h"
#include "visible_keys.h"

namespace nopos {

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
  at::Tensor positions;        // [B,S] or [axes,B,S], as the encodings left them
  bool own_positions = false;  // somebody else than the SDK said where tokens stand
  bool depends_on_planned = false;
  std::vector<LayerMemory> layers;
};

struct Encodings::Data {
  std::vector<EncodingInstance> instances;
  std::vector<LayerEncodings> layers;  ///< empty: all have all
  ModelShape shape;
  std::vector<std::string> paths;  ///< of the attention of each layer, in the last forward

  /// The indices of the instances that layer `depth` has, and its window.
  LayerEncodings of_layer(std::int64_t depth) const;
  /// How many layers before `depth` have the instance.
  std::int64_t index_of(std::size_t instance, std::int64_t depth) const;
};

struct ForwardState {
  ForwardState(Encodings& encodings, const ForwardOptions& options)
      : encodings(encodings), options(options) {}

  Encodings& encodings;
  ForwardOptions options;
  bool causal = true, only_formula = false;
  at::ScalarType type = at::kFloat;
  std::int64_t padding_idx = 1, past = 0, planned = 0, window = 0;
  at::Tensor tokens, ids, real, documents;  // [B,T]; `ids` [B]
  at::Tensor all_real, all_documents;       // [B,S]
  at::Tensor positions, key_positions;      // [B,T], [B,S], or with axes before
  Layout layout;
  bool own_positions = false;
  const EncodingInstance* part = nullptr;  // whose hook runs
  std::map<std::string, at::Tensor> memo;
  std::map<std::int64_t, Layout> windows;  // of layers with windows of their own

  std::int64_t total() const { return past + tokens.size(1); }
  LayerMemory* memory(std::int64_t layer) const;
  std::string key(const std::string& name) const;  // of what `part` keeps under a name
  bool regular() const { return layout.regular && !own_positions; }
  bool alike() const { return layout.alike && !own_positions; }
  /// What the queries of a layer with this window of its own (0: none) see.
  const Layout& seen_within(std::int64_t layer_window);
};

struct LayerState {
  const Forward& forward;
  std::int64_t index, depth;
  at::Tensor x, query_positions, key_positions;
};

/// What the encodings of a layer declared for its scores.
struct ScoresState {
  at::Tensor q, k;
  double scale = 1;
  std::int64_t window = 0;
  std::vector<SlopeBias> slopes = {};
  std::vector<DistanceBias> distances = {};
  std::vector<OuterBias> outers = {};
  std::vector<RelativeTerm> relatives = {};
  std::vector<RelativeKeyTerm> relative_keys = {};
  std::vector<RelativeValues> relative_values = {};
  std::vector<DenseBias> dense = {};
  std::vector<std::function<at::Tensor(const Tile&)>> rescores = {};
  std::function<at::Tensor(const Tile&)> normalize = {};
  std::vector<std::function<at::Tensor(at::Tensor)>> changes = {};  ///< of results

  /// Whether there is nothing but q·k, in a softmax; results may be changed.
  bool plain() const {
    return slopes.empty() && distances.empty() && outers.empty() && relatives.empty() && !needs_formula();
  }
  /// Whether something is declared that only the formula knows.
  bool needs_formula() const {
    return !relative_keys.empty() || !relative_values.empty() || !dense.empty() || !rescores.empty() ||
           normalize;
  }
};

/// The first axis of positions, [B,N] or [axes,B,N] -> [B,N].
inline at::Tensor first_axis(const at::Tensor& positions) {
  return positions.dim() == 3 ? positions.select(0, 0) : positions;
}

}  // namespace nopos
