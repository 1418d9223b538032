#pragma once
/// A small model in double, and encodings that use each sort of term and of memory.

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "nopos/encodings.h"
#include "nopos/nn/attention.h"

namespace nopos::small {

constexpr std::int64_t B = 2, H = 2, T = 12, C = 8, V = 20, padding = 1;

using Part = std::shared_ptr<PositionalEncoding>;

struct Slopes final : PositionalEncoding {
  void scores(Scores& scores, Layer&) override { scores.add(SlopeBias{at::tensor({0.5, 0.1}), true}); }
};

/// A table that all layers share.
struct Table final : PositionalEncoding {
  explicit Table(std::int64_t first) : first(first), values(at::randn({H, 9}, at::kDouble)) {}
  void scores(Scores& scores, Layer& layer) override {
    scores.add(DistanceBias{layer.forward().once("table",
                                                 [&] {
                                                   ++made;
                                                   return values * 2;
                                                 }),
                            first});
  }
  std::int64_t first;
  at::Tensor values;
  int made = 0;
};

/// A dense bias of positions and queries, at positions of its own.
struct Waves final : PositionalEncoding {
  at::Tensor positions(const Forward& forward) override {
    return forward.positions().to(at::kFloat).mul(1.5).add(3);
  }
  void scores(Scores& scores, Layer&) override {
    scores.add(DenseBias{[](const Tile& tile) {
      const at::Tensor distance = tile.query_positions.unsqueeze(2) - tile.key_positions.unsqueeze(1);
      return distance.cos().unsqueeze(1) * tile.q.sum(3, true);
    }});
  }
};

/// A dense bias of absolute positions, at those that the host forms.
struct Heights final : PositionalEncoding {
  void scores(Scores& scores, Layer&) override {
    scores.add(DenseBias{[](const Tile& tile) {
      const at::Tensor heights = tile.key_positions.to(at::kDouble).add(1).log();
      return (heights * heights).unsqueeze(1).unsqueeze(1).expand({-1, 1, tile.q.size(2), -1});
    }});
  }
};

/// A forget gate: what lies behind a query fades by what the tokens in between say.
struct Gate final : PositionalEncoding {
  Gate() : map(at::randn({C, H}, at::kDouble)) {}
  void scores(Scores& scores, Layer& layer) override {
    const Forward& forward = layer.forward();
    const at::Tensor gates =
        at::log_sigmoid(at::matmul(layer.x(), map)) * forward.real().unsqueeze(2);   // [B,T,H]
    const at::Tensor sums = layer.append("gates", gates).cumsum(1).transpose(1, 2);  // [B,H,S]
    scores.add(OuterBias{sums.narrow(2, forward.past(), forward.length()), -sums});
  }
  at::Tensor map;
};

/// Adds to values what came before them, through a tensor that goes from chunk to chunk.
struct Carrier final : PositionalEncoding {
  Heads transform(Heads heads, Layer& layer) override {
    at::Tensor sums = heads.v.cumsum(2);
    if (const at::Tensor before = layer.carried("sum"); before.defined()) sums = sums + before;
    layer.carry("sum", sums.narrow(2, heads.v.size(2) - 1, 1).clone());
    return {heads.q, heads.k, sums};
  }
};

/// Two layers of attention, each inside a residual sum.
class Model {
 public:
  explicit Model(Part encoding, bool causal = true, std::int64_t window = 0)
      : Model(compose(std::move(encoding)), causal, window) {}
  explicit Model(std::shared_ptr<Encodings> encodings, bool causal = true, std::int64_t window = 0)
      : encodings_(std::move(encodings)), model_{padding, causal, window, this} {
    embedding_ = at::randn({V, C}, at::kDouble);
    for (int layer = 0; layer < 2; ++layer) {
      layers_.push_back(std::make_shared<MultiheadAttention>(AttentionShape{.dim = C, .heads = H}));
      layers_.back()->to(at::kDouble);
      layers_.back()->eval();
    }
  }
  at::Tensor features(const Batch& batch, const ForwardOptions& options = {}) {
    const at::NoGradGuard no_grad;
    ForwardPass run(*encodings_, batch, model_, options);
    at::Tensor x = run.embed(at::embedding(embedding_, batch.tokens));
    run.hidden(0, x);
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      x = run.layer_input(layer, x);
      x = x + 2 * layers_[static_cast<std::size_t>(layer)]->forward(x, run, layer);
      run.hidden(layer + 1, x);
    }
    return run.finish(x);
  }
  at::Tensor features(const at::Tensor& tokens, const ForwardOptions& options = {}) {
    return features(Batch{.tokens = tokens}, options);
  }
  std::shared_ptr<DecodingState> state(std::int64_t rows = B, std::int64_t planned = T) {
    return std::make_shared<DecodingState>(
        DecodingState::Shape{.rows = rows, .planned = planned, .layers = 2, .model = this});
  }
  at::Tensor chunked(const at::Tensor& tokens, const std::vector<std::int64_t>& split) {
    const auto memory = state(tokens.size(0), tokens.size(1));
    std::vector<at::Tensor> parts;
    for (const std::int64_t length : split)
      parts.push_back(features(tokens.narrow(1, memory->length(), length), {.state = memory.get()}));
    return at::cat(parts, 1);
  }

 private:
  std::shared_ptr<Encodings> encodings_;
  ForwardPass::Model model_;
  at::Tensor embedding_;
  std::vector<std::shared_ptr<MultiheadAttention>> layers_;
};

inline at::Tensor some_tokens(std::int64_t rows, std::int64_t length, std::uint64_t seed = 5) {
  at::manual_seed(seed);
  return at::randint(padding + 1, V, {rows, length}, at::kLong);
}

inline double apart(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() ? (a - b).abs().max().item<double>() : 1e9;
}

constexpr double tolerance = 1e-10;

}  // namespace nopos::small
