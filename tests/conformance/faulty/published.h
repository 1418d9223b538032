#pragma once
/// Encodings with the mistakes that users of other projects stumbled over.

#include "../encodings/biases.h"
#include "../encodings/common.h"

namespace nopos::conformance {

/// A bias over the queries' length: nothing is left of it in decoding (keras-hub 2861).
struct DroppedBias final : PositionalEncoding {
  explicit DroppedBias(const ModelShape& model) : slopes(alibi_slopes(model.heads)) {}
  void scores(Scores& scores, Layer&) override {
    scores.add(DenseBias{[this](const Tile& tile) {
      const Tensor places = at::arange(tile.query_positions.size(-1));
      const Tensor bias = (places.unsqueeze(0) - places.unsqueeze(1)) * slopes.view({-1, 1, 1});
      const bool fits = bias.size(2) == tile.key_positions.size(-1);
      return fits ? bias.unsqueeze(0) : at::zeros({1, 1, bias.size(1), tile.key_positions.size(-1)});
    }});
  }
  Tensor slopes;
};

/// Positions from the shape of the chunk (LLaDA 120).
struct ShapePositions final : PositionalEncoding {
  Heads transform(Heads heads, Layer&) override {
    const Tensor angles = phases(at::arange(heads.q.size(2)), frequencies(heads.q.size(3) / 2)).unsqueeze(0);
    heads.q = rotated(heads.q, angles, PairLayout::half);
    heads.k = rotated(heads.k, angles, PairLayout::half);
    return heads;
  }
};

/// xPos with a center that moves with the length (x-transformers).
struct MovingCenter final : PositionalEncoding {
  Heads transform(Heads heads, Layer& layer) override {
    const double center = static_cast<double>(layer.forward().total() / 2);
    const auto power = [&](const Tensor& positions) {
      return ((positions - center) / 16).unsqueeze(1).unsqueeze(3).to(heads.q.scalar_type());
    };
    heads.q = heads.q * at::pow(0.9, power(layer.query_positions()));
    heads.k = heads.k * at::pow(0.9, -power(layer.key_positions()));
    return heads;
  }
};

/// A forget gate over the chunk alone (x-transformers' data-dependent ALiBi).
struct GateWithoutPast final : PositionalEncoding {
  explicit GateWithoutPast(const ModelShape& model) {
    weight = register_parameter("weight", at::randn({model.heads, model.embed_dim}));
  }
  void scores(Scores& scores, Layer& layer) override {
    const Tensor sums = at::log_sigmoid(at::linear(layer.x(), weight)).cumsum(1).transpose(1, 2);
    scores.add(OuterBias{sums, -at::constant_pad_nd(sums, {layer.forward().past(), 0})});
  }
  Tensor weight;
};

/// Counts columns, padding included (unsloth 3699).
struct CountedColumns final : PositionalEncoding {
  Tensor embed(Tensor x, const Forward& forward) override {
    return x.add_(sinusoids(at::arange(forward.past(), forward.total()), x.size(2)));
  }
};

/// A table that wraps around.
struct WrappedTable final : PositionalEncoding {
  explicit WrappedTable(const ModelShape& model) {
    weight = register_parameter("weight", at::randn({model.max_positions, model.embed_dim}));
    declare().max_length(model.max_positions);
  }
  Tensor embed(Tensor x, const Forward& forward) override {
    return x.add_(at::embedding(weight, forward.positions() % (weight.size(0) / 2)));
  }
  Tensor weight;
};

/// A mean over the whole chunk.
struct MeanOfChunk final : PositionalEncoding {
  Tensor embed(Tensor x, const Forward&) override { return x - x.mean(1, true); }
};

/// Shifts that are drawn in evaluation, too.
struct AlwaysShifted final : PositionalEncoding {
  Tensor positions(const Forward& forward) override {
    return forward.positions() + at::randint(100, {forward.rows(), 1}, at::kLong);
  }
  Tensor embed(Tensor x, const Forward& forward) override {
    return x.add_(sinusoids(forward.positions(), x.size(2)));
  }
};

/// A table without its gradient.
struct DetachedTable final : PositionalEncoding {
  explicit DetachedTable(const ModelShape& model) {
    weight = register_parameter("weight", at::randn({model.heads, 16}));
  }
  void scores(Scores& scores, Layer&) override { scores.add(DistanceBias{weight.detach()}); }
  Tensor weight;
};

/// A function of a parameter behind autograd's back.
struct WrongGradient final : PositionalEncoding {
  explicit WrongGradient(const ModelShape& model) {
    r = register_parameter("r", at::rand({model.heads, 1}) + 0.5);
  }
  void scores(Scores& scores, Layer& layer) override {
    const Tensor n = at::arange(layer.forward().total(), r.options());
    scores.add(DistanceBias{-(r * r).detach() * n + (r - r.detach())});
  }
  Tensor r;
};

/// Angles of the first forward in a member (rotary-embedding-torch 11).
struct MemberTable final : PositionalEncoding {
  Tensor embed(Tensor x, const Forward& forward) override {
    if (!kept.defined() || kept.size(1) < forward.length()) kept = sinusoids(forward.positions(), x.size(2));
    return x.add_(kept.narrow(0, 0, 1).narrow(1, 0, forward.length()));
  }
  Tensor kept;
};

}  // namespace nopos::conformance
