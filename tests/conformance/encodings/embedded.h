#pragma once
/// Encodings that say where tokens stand, or add vectors to them.

#include <tuple>

#include "common.h"

namespace nopos::conformance {

struct None final : PositionalEncoding {};

/// Sines and cosines of the position. Vaswani et al. 2017, arXiv 1706.03762, section 3.5.
struct Sinusoidal : PositionalEncoding {
  explicit Sinusoidal(const ModelShape& model) { check_even("sinusoidal", model.embed_dim); }

  Tensor embed(Tensor x, const Forward& forward) override {
    return x.add_(sinusoids(one_axis("sinusoidal", forward.positions()), x.size(2)));
  }
};

/// Positions that are shifted, jittered and stretched in training. Likhomanenko et al. 2021, arXiv
/// 2106.03143.
struct Cape final : Sinusoidal {
  using Sinusoidal::Sinusoidal;

  Tensor positions(const Forward& forward) override {
    if (!forward.training()) return {};
    const auto draw = [&](double range, at::IntArrayRef sizes) {
      return at::empty(sizes, at::TensorOptions(at::kFloat).device(forward.device())).uniform_(-range, range);
    };
    const std::int64_t B = forward.rows(), T = forward.length();
    const Tensor shifted = forward.positions() + draw(5, {B, 1}) + draw(0.5, {B, T});
    return shifted * draw(std::log(1.03), {B, 1}).exp();
  }
};

/// In training, positions are drawn from a larger range, in order. Ruoss et al. 2023, arXiv 2305.16843.
struct Randomized final : PositionalEncoding {
  Tensor positions(const Forward& forward) override {
    if (!forward.training()) return {};
    const Tensor drawn = at::randperm(2048, forward.positions().options()).narrow(0, 0, forward.total());
    return std::get<0>(drawn.sort())
        .index({forward.positions().clamp(0, forward.total() - 1)});  // padding has some number
  }
};

/// One trained vector for each position. Gehring et al. 2017, arXiv 1705.03122, section 3.1.
struct Learned final : PositionalEncoding {
  explicit Learned(const ModelShape& model) {
    weight = register_parameter("weight", fan_in({model.max_positions, model.embed_dim}));
    declare().max_length(model.max_positions);
  }

  Tensor embed(Tensor x, const Forward& forward) override {
    const Tensor rows = one_axis("learned", forward.positions()) * forward.real();
    return x.add_(at::embedding(weight, rows) * forward.real().unsqueeze(2));
  }

  Tensor weight;  // [P,C]
};

/// Positions are added to what queries and keys are made of, not to values: Shortformer. Press et al. 2020,
/// arXiv 2012.15832, section 5.
struct PositionInfused final : PositionalEncoding {
  explicit PositionInfused(const ModelShape& model) { check_even("position_infused", model.embed_dim); }

  Heads inputs(Heads x, Layer& layer) override {
    const Forward& forward = layer.forward();
    const Tensor places = forward.once("sinusoids", [&] {
      return sinusoids(one_axis("position_infused", forward.positions()), x.q.size(2)).to(x.q.scalar_type());
    });
    return {x.q + places, x.k + places, x.v};
  }
};

/// Position and depth are added to the residual stream before every layer: Universal Transformer. Dehghani et
/// al. 2018, arXiv 1807.03819, section 2.1.
struct EveryLayer final : PositionalEncoding {
  explicit EveryLayer(const ModelShape& model) { check_even("every_layer", model.embed_dim); }

  Tensor layer_input(Tensor x, Layer& layer) override {
    const Forward& forward = layer.forward();
    const Tensor places = forward.once("sinusoids", [&] {
      return sinusoids(one_axis("every_layer", forward.positions()), x.size(2)).to(x.scalar_type());
    });
    const Tensor depth = sinusoids(at::full({1}, layer.index(), forward.tokens().options()), x.size(2));
    return x + places + depth.to(x.scalar_type());
  }
};

/// A depthwise convolution over each token and the two before it, of what attention reads. So et al. 2021,
/// arXiv 2109.08668 (there behind the maps).
struct CausalConvolution final : PositionalEncoding {
  static constexpr std::int64_t taps = 3;

  explicit CausalConvolution(const ModelShape& model) {
    weight = register_parameter("weight", at::randn({model.layers, taps, model.embed_dim}));
  }

  Heads inputs(Heads x, Layer& layer) override {
    // x [B,T,C]; padding may stand anywhere, so tokens before a token are looked for, not counted in columns
    const Forward& forward = layer.forward();
    const Tensor seen = layer.append("x", x.q), before = real_before(layer.append("real", forward.real()));
    const Tensor of_layer = weight[layer.index()];
    Tensor place =
        at::arange(forward.past(), forward.total(), before.options()).expand(x.q.sizes().slice(0, 2));
    Tensor y = x.q + x.q * of_layer[0];
    for (std::int64_t lag = 1; lag < taps; ++lag) {
      place = at::where(place.lt(0), -1, before.gather(1, place.clamp_min(0)));  // [B,T]
      const Tensor column = place.clamp_min(0);
      // further back than the document's beginning stands a token of another position
      const Tensor own =
          place.ge(0).logical_and(forward.key_positions().gather(1, column).eq(forward.positions() - lag));
      const Tensor tokens = seen.gather(1, column.unsqueeze(2).expand(x.q.sizes()));
      y = y + tokens * own.unsqueeze(2) * of_layer[lag];
    }
    return {y, y, y};
  }

  /// real [B,S] -> [B,S] int64: the last column before each that is no padding, or -1
  static Tensor real_before(const Tensor& real) {
    const Tensor columns = at::arange(real.size(1), real.options().dtype(at::kLong));
    const Tensor up_to = std::get<0>(at::where(real, columns, -1).cummax(1));
    return at::constant_pad_nd(up_to.narrow(1, 0, real.size(1) - 1), {1, 0}, -1);
  }

  Tensor weight;  // [layers,taps,C]
};

}  // namespace nopos::conformance
