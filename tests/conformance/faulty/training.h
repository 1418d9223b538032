#pragma once
/// Encodings with wrong gradients or random numbers.

#include <random>

#include "../encodings/common.h"

namespace nopos::conformance {

/// Cuts the graph of what goes into the layer.
struct DetachedInput final : PositionalEncoding {
  Heads inputs(Heads x, Layer&) override { return {x.q.detach() * 2, x.k, x.v}; }
};

/// A table with a graph, made for the first layer and kept in a member.
struct SharedGraph final : PositionalEncoding {
  explicit SharedGraph(const ModelShape& model) {
    weight = register_parameter("weight", at::randn({model.heads, 8}));
  }
  Tensor embed(Tensor x, const Forward&) override {
    table = weight * weight;
    return x;
  }
  void scores(Scores& scores, Layer&) override { scores.add(DistanceBias{table}); }
  Tensor weight, table;
};

/// The same, made in the first forward and never again.
struct GraphOfTheFirst final : PositionalEncoding {
  explicit GraphOfTheFirst(const ModelShape& model) {
    weight = register_parameter("weight", at::randn({model.heads, 8}));
  }
  void scores(Scores& scores, Layer&) override {
    if (!table.defined()) table = weight * weight;
    scores.add(DistanceBias{table});
  }
  Tensor weight, table;
};

/// Random numbers of its own, which the seed does not govern.
struct OwnNoise final : PositionalEncoding {
  Tensor embed(Tensor x, const Forward& forward) override {
    if (!forward.training()) return x;
    return x.add_(std::uniform_real_distribution<double>(0, 1)(engine));
  }
  std::mt19937 engine;
};

/// A shift that is drawn for each layer.
struct ShiftPerLayer final : PositionalEncoding {
  Heads transform(Heads heads, Layer& layer) override {
    Tensor positions = layer.query_positions();
    if (layer.forward().training())
      positions = positions + at::randint(100, {positions.size(0), 1}, at::kLong);
    const Tensor angles = phases(positions, frequencies(heads.q.size(3) / 2));
    heads.q = rotated(heads.q, angles, PairLayout::half);
    heads.k = rotated(heads.k, angles, PairLayout::half);
    return heads;
  }
};

}  // namespace nopos::conformance
