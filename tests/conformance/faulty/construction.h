#pragma once
/// Encodings that are made, declared or typed wrongly.

#include <cstdlib>
#include <random>
#include <stdexcept>

#include "../encodings/biases.h"
#include "../encodings/common.h"

namespace nopos::conformance {

/// Draws parameters from a generator of its own.
struct OwnGenerator final : PositionalEncoding {
  explicit OwnGenerator(const ModelShape& model) {
    static std::mt19937 engine;
    weight =
        register_parameter("weight", at::full({model.embed_dim}, static_cast<double>(engine() % 1000000)));
  }
  Tensor embed(Tensor x, const Forward&) override { return x.mul_(weight); }
  Tensor weight;
};

/// Takes an even width for granted.
struct EvenWidthOnly final : PositionalEncoding {
  Tensor embed(Tensor x, const Forward& forward) override {
    return x + sinusoids(forward.positions(), x.size(2)).to(x.scalar_type());
  }
};

/// Frequencies in a buffer, which is rounded with the model (HF transformers 25681).
struct BufferFrequencies final : PositionalEncoding {
  explicit BufferFrequencies(const ModelShape& model) {
    inverse = register_buffer("inv_freq", frequencies(model.head_dim / 2));
  }
  Heads transform(Heads heads, Layer& layer) override {
    const Tensor angles = phases(layer.query_positions(), inverse.to(at::kFloat));
    heads.q = rotated(heads.q, angles, PairLayout::half);
    heads.k = rotated(heads.k, angles, PairLayout::half);
    return heads;
  }
  Tensor inverse;
};

/// Phases in the type of the model (HF transformers 29285).
struct NarrowPhases final : PositionalEncoding {
  Heads transform(Heads heads, Layer& layer) override {
    const at::ScalarType type = heads.q.scalar_type();
    const Tensor inverse = frequencies(heads.q.size(3) / 2).to(type);
    const Tensor angles = layer.query_positions().to(type).unsqueeze(2) * inverse;
    heads.q = rotated(heads.q, angles, PairLayout::half);
    heads.k = rotated(heads.k, angles, PairLayout::half);
    return heads;
  }
};

/// A parameter that no checkpoint knows.
struct Unregistered final : PositionalEncoding {
  explicit Unregistered(const ModelShape& model) : weight(at::randn({model.heads, 8})) {}
  void scores(Scores& scores, Layer&) override { scores.add(DistanceBias{weight}); }
  Tensor weight;
};

/// One table per layer, found by the depth of the layer.
struct IndexedByDepth final : PositionalEncoding {
  explicit IndexedByDepth(const ModelShape& model) {
    weight = register_parameter("weight", at::randn({model.layers, model.heads, 8}));
  }
  void scores(Scores& scores, Layer& layer) override { scores.add(DistanceBias{weight[layer.depth()]}); }
  Tensor weight;
};

/// A parameter in float32 that meets one in bfloat16 in an operation that takes only equals.
struct MixedTypes final : PositionalEncoding {
  explicit MixedTypes(const ModelShape& model) {
    bias = register_parameter("bias", at::zeros({model.heads}));
    weight = register_parameter("weight", fan_in({model.heads, model.embed_dim}));
    declare().keeps_float32("bias");
  }
  void scores(Scores& scores, Layer& layer) override {
    const Tensor sums = at::linear(layer.x(), weight, bias).transpose(1, 2);
    scores.add(OuterBias{sums, {}});
  }
  Tensor weight, bias;
};

/// A table that ends earlier than declared.
struct ShorterThanDeclared final : PositionalEncoding {
  explicit ShorterThanDeclared(const ModelShape& model) {
    weight = register_parameter("weight", fan_in({model.max_positions - 1, model.embed_dim}));
    declare().max_length(model.max_positions);
  }
  Tensor embed(Tensor x, const Forward& forward) override {
    return x.add_(at::embedding(weight, forward.positions() * forward.real()) * forward.real().unsqueeze(2));
  }
  Tensor weight;
};

/// Not a number from position 64 on.
struct EndsAt64 final : PositionalEncoding {
  Tensor embed(Tensor x, const Forward& forward) override {
    const Tensor left = (64 - forward.positions()).to(x.scalar_type()).sub_(0.5).sqrt();
    return x.add_(left.unsqueeze(2));
  }
};

/// Not a number from position 100 on.
struct EndsAt100 final : PositionalEncoding {
  Tensor embed(Tensor x, const Forward& forward) override {
    return x.add_((100 - forward.positions()).to(x.scalar_type()).sub_(0.5).log().unsqueeze(2));
  }
};

/// Throws in the middle of training.
struct Throwing final : PositionalEncoding {
  Heads transform(Heads heads, Layer& layer) override {
    if (layer.forward().training() && layer.index() == 1) throw std::logic_error("no table for this length");
    return heads;
  }
};

/// A table for one head too many.
struct WrongShape final : PositionalEncoding {
  explicit WrongShape(const ModelShape& model) : values(at::zeros({model.heads + 1, 4})) {}
  void scores(Scores& scores, Layer&) override { scores.add(DistanceBias{values}); }
  Tensor values;
};

/// Forgot its hooks.
struct NoEffect final : PositionalEncoding {};

/// Another bias where the environment asks for the formula.
struct TwoPaths final : PositionalEncoding {
  explicit TwoPaths(const ModelShape& model) : slopes(alibi_slopes(model.heads)) {}
  void scores(Scores& scores, Layer&) override {
    const bool formula = std::getenv("NOPOS_ATTENTION") != nullptr;
    scores.add(SlopeBias{slopes * (formula ? 1.0 : 1.01)});
  }
  Tensor slopes;
};

}  // namespace nopos::conformance
