/// An encoding with options and a parameter: every use of it under a label has both for itself.
#include <ATen/ATen.h>
#include <nopos/positional_encoding.h>

namespace {

struct Decay final : nopos::PositionalEncoding {
  struct Options {
    double rate = 0.5;
    bool learned = true;
    double dropout = 0;
    NOPOS_OPTIONS(o) {
      o.add("decay-rate", &Options::rate, "of all heads at the start", nopos::Above{0});
      o.add("decay-learned", &Options::learned, "train it");
      o.add("dropout", &Options::dropout, "of the slopes", nopos::Range{0.0, 1.0});
    }
  };

  Decay(const Options& options, const nopos::ModelShape& shape)
      : slopes_(register_parameter("slopes", at::full({shape.heads}, options.rate), options.learned)),
        dropout_(options.dropout) {}

  void scores(nopos::Scores& scores, nopos::Layer& layer) override {
    scores.add(nopos::SlopeBias{.slopes = at::dropout(slopes_, dropout_, layer.forward().training())});
  }

  at::Tensor slopes_;  // [H]
  double dropout_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Decay>("decay", "a learned slope for each head"); }
