/// ALiBi: each head adds -slope * (i - j) to its attention scores.
/// Press, Smith, Lewis 2022, arXiv 2108.12409, section 3.
#include <ATen/ATen.h>
#include <nopos/positional_encoding.h>

#include <bit>
#include <cmath>

namespace {

/// One slope per head: the powers of 2^(-8/heads). Where `heads` is not a power of two fairseq takes as
/// many of them as the next lower power of two says, and fills up with every second slope of twice that
/// number of heads; the paper's authors take the first part from the lower power of two instead. Trained
/// models depend on it.
std::vector<double> slopes(std::int64_t heads) {
  const auto power = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(heads)));
  std::vector<double> slopes;
  for (std::int64_t head = 1; head <= power; ++head) {
    slopes.push_back(std::exp2(-8.0 * static_cast<double>(head) / static_cast<double>(heads)));
  }
  for (std::int64_t head = 1; head <= 2 * (heads - power); head += 2) {
    slopes.push_back(std::exp2(-4.0 * static_cast<double>(head) / static_cast<double>(power)));
  }
  return slopes;
}

class Alibi final : public nopos::PositionalEncoding {
 public:
  explicit Alibi(const nopos::ModelShape& model)
      : slopes_(constant("slopes", at::tensor(slopes(model.heads), at::kDouble).to(at::kFloat))),
        symmetric_(!model.causal) {}

  void scores(nopos::Scores& scores, nopos::Layer& layer) override {
    scores.add(nopos::SlopeBias{slopes_.on(layer.forward().device()), symmetric_});
  }

 private:
  nopos::Constant slopes_;  // [H]
  bool symmetric_;          // where tokens see later ones
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Alibi>("alibi", "linear attention biases, one fixed slope per head"); }
