#pragma once
/// Encodings that change queries, keys and values.

#include <algorithm>
#include <vector>

#include "common.h"

namespace nopos::conformance {

/// Rotations of pairs of channels. Su et al. 2021, arXiv 2104.09864; of some channels only: GPT-NeoX, arXiv
/// 2204.06745; dynamic NTK scaling: Peng et al. 2023, arXiv 2309.00071, appendix.
struct Rope final : PositionalEncoding {
  struct Options {
    double theta = 10000, factor = 1;
    std::int64_t dims = 0;  ///< 0: all
    bool interleaved = false, dynamic = false, raw = false;
  };

  Rope(const Options& given, const ModelShape& model)
      : options(given),
        dims(given.dims > 0 ? given.dims : model.head_dim / 2 * 2),
        train_length(model.train_length),
        layout(given.interleaved ? PairLayout::interleaved : PairLayout::half) {
    if (dims > model.head_dim || dims < (given.dynamic ? 4 : 2)) {
      refuse("rope: " + std::to_string(dims) + " channels of " + std::to_string(model.head_dim) +
             " cannot be rotated in pairs.");
    }
    if (given.dynamic) declare().depends_on_planned();
    if (given.raw) declare().raw_keys();
  }

  /// positions [B,T] -> [B,T,dims/2]
  Tensor angles(const Forward& forward, const Tensor& positions) const {
    double theta = options.theta;
    if (options.dynamic) {
      const double trained = static_cast<double>(train_length), width = static_cast<double>(dims);
      const double stretch = std::max(static_cast<double>(forward.planned()) / trained, 1.0);
      theta *= std::pow(options.factor * stretch - (options.factor - 1), width / (width - 2));
    }
    return phases(one_axis("rope", positions), frequencies(dims / 2, theta));
  }

  Heads transform(Heads heads, Layer& layer) override {
    const Forward& forward = layer.forward();
    const auto turned = [&](const char* name, const Tensor& x, const Tensor& positions) {
      return rotated(x, forward.once(name, [&] { return angles(forward, positions); }), layout);
    };
    heads.q = turned("queries", heads.q, layer.query_positions());
    heads.k = turned("keys", heads.k, layer.key_positions());
    return heads;
  }

  Options options;
  std::int64_t dims, train_length;
  PairLayout layout;
};

/// Positions of several axes, each of which rotates channels of its own: as for pictures, rows and columns.
/// Wang et al. 2024, arXiv 2409.12191, section 2.1.
struct AxialRope final : PositionalEncoding {
  static constexpr std::int64_t axes = 2, row = 8;

  explicit AxialRope(const ModelShape& model) : pairs(model.head_dim / 2) {
    if (pairs < axes) refuse("axial_rope: a head of " + std::to_string(model.head_dim) + " is too narrow.");
  }

  Tensor positions(const Forward& forward) override {
    const Tensor& place = one_axis("axial_rope", forward.positions());
    return at::stack({at::floor_divide(place, row), at::remainder(place, row)});  // [axes,B,T]
  }
  /// positions [axes,B,T] -> [B,T,pairs]
  Tensor angles(const Tensor& positions) const {
    const Tensor all = frequencies(pairs);
    std::vector<Tensor> parts;
    for (std::int64_t axis = 0; axis < axes; ++axis)
      parts.push_back(phases(positions[axis], all.slice(0, axis, pairs, axes)));
    return at::cat(parts, 2);
  }
  Heads transform(Heads heads, Layer& layer) override {
    heads.q = rotated(heads.q, angles(layer.query_positions()), PairLayout::half);
    heads.k = rotated(heads.k, angles(layer.key_positions()), PairLayout::half);
    return heads;
  }

  std::int64_t pairs;
};

/// Queries and keys of twice the width: lengths by content, angles by position. Gopalakrishnan et al. 2025,
/// arXiv 2509.10534.
struct Pope final : PositionalEncoding {
  explicit Pope(const ModelShape& model) : dim(model.head_dim) {}

  Heads transform(Heads heads, Layer& layer) override {
    const auto polar = [&](const Tensor& x, const Tensor& positions) {
      const Tensor angles = phases(one_axis("pope", positions), frequencies(dim)).unsqueeze(1),
                   length = at::softplus(x);
      return at::cat({length * angles.cos(), length * angles.sin()}, -1).to(x.scalar_type());
    };
    heads.q = polar(heads.q, layer.query_positions());
    heads.k = polar(heads.k, layer.key_positions());
    return heads;
  }

  std::int64_t dim;
};

/// Values are rotated, and results rotated back: VO-RoPE, of Su 2025 (kexue.fm).
struct ValueRope final : PositionalEncoding {
  explicit ValueRope(const ModelShape& model) : pairs(model.head_dim / 2) {}

  /// positions [B,T] -> [B,T,pairs]
  Tensor angles(const Tensor& positions) const {
    return phases(one_axis("value_rope", positions), frequencies(pairs));
  }

  Heads transform(Heads heads, Layer& layer) override {
    heads.v = rotated(heads.v, angles(layer.key_positions()), PairLayout::half);
    return heads;
  }
  void scores(Scores& scores, Layer& layer) override {
    const Tensor back = -angles(layer.query_positions());
    scores.then([back](const Tensor& results) { return rotated(results, back, PairLayout::half); });
  }

  std::int64_t pairs;
};

/// Angles that tokens choose, summed over all before: what a forward carries to the next chunk. Movahedi et
/// al. 2025, arXiv 2511.17388.
struct SelectiveRope final : PositionalEncoding {
  explicit SelectiveRope(const ModelShape& model) {
    if (model.head_dim < 2) refuse("selective_rope: a head of one channel has no pairs.");
    weight = register_parameter("weight", fan_in({model.layers, model.head_dim / 2, model.embed_dim}));
  }

  Heads transform(Heads heads, Layer& layer) override {
    const Tensor steps = at::linear(layer.x(), weight[layer.index()]) * layer.forward().real().unsqueeze(2);
    Tensor angles = steps.to(at::promote_types(steps.scalar_type(), at::kFloat)).cumsum(1);  // [B,T,D/2]
    if (const Tensor before = layer.carried("angles"); before.defined()) angles = angles + before;
    layer.carry("angles", angles.narrow(1, angles.size(1) - 1, 1).clone());
    heads.q = rotated(heads.q, angles, PairLayout::half);
    heads.k = rotated(heads.k, angles, PairLayout::half);
    return heads;
  }

  Tensor weight;  // [layers,D/2,C]
};

/// Queries grow with the logarithm of their position: scalable softmax. Nakanishi 2025, arXiv 2501.19399.
struct Temperature final : PositionalEncoding {
  explicit Temperature(const ModelShape& model) {
    strength = register_parameter("strength", at::full({model.heads, 1, 1}, 0.4));
  }

  Heads transform(Heads heads, Layer& layer) override {
    const Tensor lengths = at::log(one_axis("scalable_softmax", layer.query_positions()).to(at::kFloat) + 2)
                               .unsqueeze(1)
                               .unsqueeze(3);
    heads.q = (heads.q * (strength * lengths)).to(heads.q.scalar_type());
    return heads;
  }

  Tensor strength;  // [H,1,1]
};

}  // namespace nopos::conformance
