#pragma once
/// Encodings in which queries and keys ask something of a distance.

#include "biases.h"

namespace nopos::conformance {

/// Vectors of clipped distances beside keys and values. Shaw et al. 2018, arXiv 1803.02155.
struct Shaw final : PositionalEncoding {
  Shaw(std::int64_t reach, const ModelShape& model) : first(model.causal ? 0 : -reach) {
    keys = register_parameter("keys", at::randn({model.layers, reach + 1 - first, model.head_dim}));
    values = register_parameter("values", at::randn({model.layers, reach + 1 - first, model.head_dim}));
  }

  void scores(Scores& scores, Layer& layer) override {
    scores.add(RelativeTerm{scores.q() * scores.scale(), keys.narrow(0, layer.index(), 1), first});
    scores.add(RelativeValues{values.narrow(0, layer.index(), 1), first});
  }

  std::int64_t first;
  Tensor keys, values;  // [layers,N,D]
};

/// (q + u)·k + (q + v)·W R_n, with R the sinusoids of the distance. Dai et al. 2019, arXiv 1901.02860,
/// section 3.3.
struct TransformerXl final : PositionalEncoding {
  explicit TransformerXl(const ModelShape& model) : shape(model) {
    check_even("transformer_xl", model.embed_dim);
    declare().needs_causal("its table holds the distances of what came before");
    u = register_parameter("u", at::randn({model.layers, model.heads, 1, model.head_dim}));
    v = register_parameter("v", at::randn({model.layers, model.heads, 1, model.head_dim}));
    map = register_parameter("map", fan_in({model.layers, model.heads * model.head_dim, model.embed_dim}));
  }

  void scores(Scores& scores, Layer& layer) override {
    const Forward& forward = layer.forward();
    const Tensor waves = forward.once("sinusoids", [&] {  // [S,C]
      const Tensor distances = at::arange(forward.total(), at::TensorOptions(forward.device()));
      return sinusoids(distances, shape.embed_dim).to(forward.type());
    });
    const Tensor table = at::linear(waves, map[layer.index()]).view({-1, shape.heads, shape.head_dim});
    scores.add(RelativeTerm{(scores.q() + v[layer.index()]) * scores.scale(), table.transpose(0, 1)});
    const Tensor of_keys = (for_queries(scores.k(), shape.heads) * u[layer.index()]).sum(-1);  // [B,H,S]
    scores.add(OuterBias{{}, of_keys * scores.scale()});
  }

  ModelShape shape;
  Tensor u, v, map;
};

/// Content to position, and position to content. He et al. 2020, arXiv 2006.03654; the tables stand for the
/// projected ones.
struct Deberta final : PositionalEncoding {
  Deberta(std::int64_t reach, const ModelShape& model)
      : first(-reach), heads(model.heads), scale(1 / std::sqrt(3 * static_cast<double>(model.head_dim))) {
    of_keys = register_parameter("of_keys", at::randn({model.layers, 2 * reach + 1, model.head_dim}));
    of_queries = register_parameter("of_queries", at::randn({model.layers, 2 * reach + 1, model.head_dim}));
  }

  void scores(Scores& scores, Layer& layer) override {
    scores.scale(scale);
    scores.add(RelativeTerm{scores.q() * scale, of_keys.narrow(0, layer.index(), 1), first});
    scores.add(RelativeKeyTerm{for_queries(scores.k(), heads) * scale, of_queries.narrow(0, layer.index(), 1),
                               first});
  }

  std::int64_t first, heads;
  double scale;
  Tensor of_keys, of_queries;  // [layers,N,D]
};

/// Every token mixes curves over the distance, which end at 0. Inkling (2026).
struct Inkling final : PositionalEncoding {
  Inkling(std::int64_t curves, std::int64_t reach, const ModelShape& model) {
    mix = register_parameter("mix", fan_in({model.layers, model.heads * curves, model.embed_dim}));
    bank = register_parameter("bank", at::randn({model.layers, reach, curves}));
  }

  void scores(Scores& scores, Layer& layer) override {
    const Tensor features =  // [B,H,T,curves]
        at::linear(layer.x(), mix[layer.index()]).unflatten(-1, {-1, bank.size(2)}).transpose(1, 2);
    scores.add(RelativeTerm{features, at::constant_pad_nd(bank[layer.index()], {0, 0, 0, 1}).unsqueeze(0)});
  }

  Tensor mix, bank;  // [layers,H*curves,C], [layers,reach,curves]
};

/// Distances counted in tokens that the query finds worth counting. Golovneva et al. 2024, arXiv 2405.18719.
struct Cope final : PositionalEncoding {
  Cope(std::int64_t positions, const ModelShape& model) : last(positions - 1) {
    table = register_parameter("table", fan_in({model.layers, positions, model.head_dim}));
  }

  void scores(Scores& scores, Layer& layer) override {
    scores.rescore([vectors = table[layer.index()], last = last](const Tile& tile) {
      const Tensor gates = at::sigmoid(tile.scores);  // 0 where a query does not see a key
      const Tensor place = gates.flip(-1).cumsum(-1).flip(-1).clamp_max(static_cast<double>(last));
      const Tensor low = place.detach().floor().to(at::kLong);
      const Tensor found = at::matmul(tile.q, vectors.to(tile.q.scalar_type()).t());  // [B,H,t,positions]
      const Tensor below = found.gather(-1, low), above = found.gather(-1, (low + 1).clamp_max(last));
      return tile.scores + at::lerp(below, above, place - low);
    });
  }

  std::int64_t last;
  Tensor table;  // [layers,positions,D]
};

/// Weights of sticks that are broken from the newest key on, instead of a softmax. Tan et al. 2024, arXiv
/// 2410.17980.
struct StickBreaking final : PositionalEncoding {
  StickBreaking() { declare().needs_causal("sticks are broken from the newest token on"); }

  void scores(Scores& scores, Layer&) override {
    scores.normalize([](const Tile& tile) {
      const Tensor unseen = tile.scores.isneginf();
      const Tensor left = at::log_sigmoid(-tile.scores).masked_fill(unseen, 0);  // log of what a key leaves
      const Tensor by_newer = left.flip(-1).cumsum(-1).flip(-1) - left;
      return at::exp(at::log_sigmoid(tile.scores) + by_newer).masked_fill(unseen, 0);
    });
  }
};

}  // namespace nopos::conformance
