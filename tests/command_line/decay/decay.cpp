/// An encoding with options and a parameter: every use of it under a label has both for itself.
#include <ATen/ATen.h>
#include <nopos/positional_encoding.h>

namespace {

struct Decay final : nopos::PositionalEncoding {
  struct Options {
    double rate = 0.5;
    bool learned = true;
    NOPOS_OPTIONS(o) {
      o.add("decay-rate", &Options::rate, "of all heads at the start", nopos::Above{0});
      o.add("decay-learned", &Options::learned, "train it");
    }
  };

  Decay(const Options& options, const nopos::ModelShape& shape)
      : slopes_(register_parameter("slopes", at::full({shape.heads}, options.rate), options.learned)) {}

  void scores(nopos::Scores& scores, nopos::Layer& /*layer*/) override {
    scores.add(nopos::SlopeBias{.slopes = slopes_});
  }

  at::Tensor slopes_;  // [H]
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Decay>("decay", "a learned slope for each head"); }
