#pragma once
/// Encodings that add a number for each query and key.

#include "common.h"

namespace nopos::conformance {

/// -> [heads] float
inline Tensor alibi_slopes(std::int64_t heads) {
  return at::exp2(at::arange(1, heads + 1, at::kFloat) * (-8.0 / static_cast<double>(heads)));
}

/// A slope for each head. Press et al. 2021, arXiv 2108.12409.
struct Alibi final : PositionalEncoding {
  explicit Alibi(const ModelShape& model)
      : slopes(constant("slopes", alibi_slopes(model.heads))), symmetric(!model.causal) {}

  void scores(Scores& scores, Layer& layer) override {
    scores.add(SlopeBias{slopes.on(layer.forward().device()), symmetric});
  }

  Constant slopes;  // [H]
  bool symmetric;
};

/// Every query sees itself and the two tokens before it, or beside it. Beltagy et al. 2020, arXiv 2004.05150.
struct LocalWindow final : PositionalEncoding {
  void scores(Scores& scores, Layer&) override { scores.window(3); }
};

/// Learned biases of distances in buckets that widen. Raffel et al. 2019, arXiv 1910.10683, section 2.1.
struct T5 final : PositionalEncoding {
  struct Options {
    std::int64_t buckets = 32, reach = 128;
  };

  T5(const Options& options, const ModelShape& model) : first(model.causal ? 0 : -options.reach) {
    weight = register_parameter("weight", at::randn({options.buckets, model.heads}));
    const std::int64_t side = model.causal ? options.buckets : options.buckets / 2;
    buckets = constant("buckets",
                       buckets_of(at::arange(first, options.reach + 1, at::kFloat), side, options.reach));
    declare().keeps_float32("weight").no_weight_decay("weight");
  }

  /// distances [N] -> [N] int64: of `side` buckets for what came before, and as many behind for later tokens
  static Tensor buckets_of(const Tensor& distances, std::int64_t side, std::int64_t reach) {
    const double exact = static_cast<double>(side / 2), rest = static_cast<double>(side) - exact;
    const Tensor n = distances.abs();
    const Tensor wide =
        exact + (at::log(n / exact) / std::log(static_cast<double>(reach) / exact) * rest).floor();
    const Tensor bucket = at::where(n < exact, n, wide.clamp_max(static_cast<double>(side - 1)));
    return bucket.to(at::kLong) + distances.lt(0).to(at::kLong) * side;
  }

  void scores(Scores& scores, Layer& layer) override {
    const Forward& forward = layer.forward();
    scores.scale(1);
    scores.add(DistanceBias{
        forward.once("bias", [&] { return weight.index_select(0, buckets.on(forward.device())).t(); }),
        first});
  }

  std::int64_t first;
  Tensor weight;     // [buckets,H]
  Constant buckets;  // [N] of distance first + n
};

/// -r1 log(1 + r2 n). Chi et al. 2022, arXiv 2205.09921.
struct Kerple final : PositionalEncoding, AfterUpdate {
  explicit Kerple(const ModelShape& model) : causal(model.causal) {
    r = register_parameter("r", at::rand({2, model.heads, 1}) + 0.1);
    declare().keeps_float32("r").no_weight_decay("r");
  }

  void scores(Scores& scores, Layer& layer) override {
    const Forward& forward = layer.forward();
    const std::int64_t last = forward.total() - 1, first = causal ? 0 : -last;
    scores.add(DistanceBias{forward.once("bias",
                                         [&] {
                                           const Tensor n = at::arange(first, last + 1, r.options()).abs();
                                           return -r[0] * at::log1p(r[1] * n);
                                         }),
                            first});
  }
  void after_update() override { r.clamp_min_(1e-2); }

  bool causal;
  Tensor r;  // [2,H,1], positive
};

/// A small network of the distance, divided by the query's position. Li et al. 2023, arXiv 2310.04418.
struct Fire final : PositionalEncoding {
  Fire(std::int64_t width, const ModelShape& model) {
    c = register_parameter("c", at::full({1}, 0.1));
    threshold = register_parameter("threshold", at::full({1}, static_cast<double>(model.train_length)));
    in = register_parameter("in", at::randn({width, 1}));
    shift = register_parameter("shift", at::randn({width}));
    out = register_parameter("out", fan_in({model.heads, width}));
    declare()
        .needs_causal("it divides by the position of the query")
        .keeps_float32("c")
        .keeps_float32("threshold");
  }

  void scores(Scores& scores, Layer&) override {
    scores.add(DenseBias{[this](const Tile& tile) { return of_tile(tile); }});
  }

  /// -> [1|B,H,t,S]
  Tensor of_tile(const Tile& tile) const {
    const at::ScalarType type = c.scalar_type();
    const Tensor i = tile.query_positions.to(type).unsqueeze(2), j = tile.key_positions.to(type).unsqueeze(1);
    const auto psi = [this](const Tensor& n) { return at::log1p(c.abs() * n); };
    const Tensor x = psi((i - j).clamp_min(0)) / psi(at::maximum(i, threshold.abs()));
    const Tensor hidden = at::relu(at::linear(x.unsqueeze(3), in.to(type), shift.to(type)));
    return at::linear(hidden, out.to(type)).movedim(3, 1);
  }

  Tensor c, threshold, in, shift, out;
};

/// A forget gate for each token and head: what lies behind fades. Lin et al. 2025, arXiv 2503.02130.
struct Fox final : PositionalEncoding {
  explicit Fox(const ModelShape& model) {
    weight = register_parameter("weight", fan_in({model.layers, model.heads, model.embed_dim}));
    bias = register_parameter("bias", at::zeros({model.layers, model.heads}));
    declare()
        .needs_causal("a gate closes towards what came before")
        .keeps_float32("bias")
        .no_weight_decay("bias");
  }

  void scores(Scores& scores, Layer& layer) override {
    const Forward& forward = layer.forward();
    const Tensor gates = at::linear(layer.x(), weight[layer.index()]) + bias[layer.index()];  // [B,T,H]
    const Tensor kept = at::log_sigmoid(gates) * forward.real().unsqueeze(2);       // padding forgets nothing
    const Tensor sums = layer.append("log_gates", kept).cumsum(1).transpose(1, 2);  // [B,H,S]
    scores.add(OuterBias{sums.narrow(2, forward.past(), forward.length()), -sums});
  }

  Tensor weight, bias;  // [layers,H,C], [layers,H]
};

}  // namespace nopos::conformance
