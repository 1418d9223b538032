#pragma once
/// Encodings that depend on what they should not: on batches, chunks, states and plans.

#include <vector>

#include "../encodings/common.h"

namespace nopos::conformance {

/// Padding counts in a mean over all earlier tokens' columns.
struct MeanWithPadding final : PositionalEncoding {
  Heads inputs(Heads x, Layer& layer) override {
    const Tensor sums = layer.append("x", x.q).sum(1, true);
    const Tensor y = x.q + sums / static_cast<double>(layer.forward().total());
    return {y, y, y};
  }
};

/// Reads the tokens before, of whichever document or row.
struct ReadsAcrossDocuments final : PositionalEncoding {
  Heads inputs(Heads x, Layer& layer) override {
    const Tensor all = layer.append("x", x.q, 1);
    const Tensor before = at::constant_pad_nd(all, {0, 0, 1 + x.q.size(1) - all.size(1), 0});
    const Tensor y = x.q + before.narrow(1, 0, x.q.size(1));
    return {y, y, y};
  }
};

/// A statistic over the batch.
struct MeanOfBatch final : PositionalEncoding {
  Tensor embed(Tensor x, const Forward&) override { return x - x.narrow(1, 0, 1).mean(0, true); }
};

/// Treats a single token as the first one.
struct SingleIsFirst final : PositionalEncoding {
  Tensor embed(Tensor x, const Forward& forward) override {
    const Tensor positions =
        forward.length() == 1 ? at::zeros_like(forward.positions()) : forward.positions();
    return x.add_(sinusoids(positions, x.size(2)));
  }
};

/// Knows offsets up to 150 only, once a state is there.
struct ShortOffset final : PositionalEncoding {
  void scores(Scores& scores, Layer& layer) override {
    const Forward& forward = layer.forward();
    const std::int64_t counted = forward.past() > 0 ? 150 : forward.total();
    scores.add(DistanceBias{-at::arange(counted, at::kFloat).mul(0.01).unsqueeze(0)});
  }
};

/// Gates of earlier chunks in a member.
struct MemberGates final : PositionalEncoding {
  explicit MemberGates(const ModelShape& model) : kept(static_cast<std::size_t>(model.layers)) {
    weight = register_parameter("weight", fan_in({model.heads, model.embed_dim}));
  }
  void scores(Scores& scores, Layer& layer) override {
    const Forward& forward = layer.forward();
    Tensor& all = kept.at(static_cast<std::size_t>(layer.index()));
    const Tensor now = at::log_sigmoid(at::linear(layer.x(), weight)) * forward.real().unsqueeze(2);
    const bool follows = forward.past() > 0 && all.defined() && all.size(0) == now.size(0);
    const Tensor before = follows ? all.narrow(1, 0, forward.past())
                                  : at::zeros({now.size(0), forward.past(), now.size(2)}, now.options());
    const Tensor joined = at::cat({before, now}, 1);
    all = joined.detach();
    const Tensor sums = joined.cumsum(1).transpose(1, 2);
    scores.add(OuterBias{sums.narrow(2, forward.past(), forward.length()), -sums});
  }
  Tensor weight;
  std::vector<Tensor> kept;
};

/// Sums of earlier chunks in a member, where a truncation leaves them.
struct MemberSums final : PositionalEncoding {
  Heads transform(Heads heads, Layer& layer) override {
    const Tensor sum = heads.v.sum(2, true);
    const auto depth = static_cast<std::size_t>(layer.depth());
    if (sums.size() <= depth) sums.resize(depth + 1);
    Tensor& before = sums[depth];
    if (layer.forward().past() == 0 || !before.defined() || before.size(0) != sum.size(0))
      before = at::zeros_like(sum);
    heads.v = heads.v.cumsum(2) + before;
    before = before + sum;
    return heads;
  }
  std::vector<Tensor> sums;
};

/// A convolution over the columns before a token, which may be padding.
struct ColumnConvolution final : PositionalEncoding {
  Heads inputs(Heads x, Layer& layer) override {
    const Forward& forward = layer.forward();
    const Tensor now = x.q * forward.real().unsqueeze(2), seen = layer.append("x", now, 1);
    const Tensor padded = at::constant_pad_nd(seen, {0, 0, 1 + x.q.size(1) - seen.size(1), 0});
    const Tensor own = forward.positions().gt(0).unsqueeze(2);
    const Tensor y = x.q + padded.narrow(1, 0, x.q.size(1)) * own;
    return {y, y, y};
  }
};

/// Frequencies that follow the planned length, without saying so.
struct SecretPlan final : PositionalEncoding {
  Heads transform(Heads heads, Layer& layer) override {
    const Forward& forward = layer.forward();
    const double base = 10000 * static_cast<double>(forward.planned());
    const Tensor angles = phases(layer.query_positions(), frequencies(heads.q.size(3) / 2, base));
    heads.q = rotated(heads.q, angles, PairLayout::half);
    heads.k = rotated(heads.k, angles, PairLayout::half);
    return heads;
  }
};

}  // namespace nopos::conformance
