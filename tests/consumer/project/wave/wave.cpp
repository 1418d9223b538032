/// Adds amplitude[c] * cos(2 pi position / period + c) to channel c of the embeddings; the amplitudes are
/// learned.
#include <ATen/ATen.h>
#include <nopos/positional_encoding.h>

#include <cmath>

namespace {

struct Wave final : nopos::PositionalEncoding {
  struct Options {
    double period = 16.0;
    NOPOS_OPTIONS(o) {
      o.add("wave-period", &Options::period, "tokens from crest to crest", nopos::Range{2.0, 1e6});
    }
  };

  Wave(const Options& options, const nopos::ModelShape& model) : period(options.period) {
    amplitude = register_parameter("amplitude", at::full({model.embed_dim}, 0.1));
  }

  // x [B,T,C] -> [B,T,C]
  at::Tensor embed(at::Tensor x, const nopos::Forward& forward) override {
    const at::Tensor angle =
        forward.positions().to(at::kFloat).mul(2 * M_PI / period).unsqueeze(-1);  // [B,T,1]
    return x + at::cos(angle + at::arange(amplitude.size(0))) * amplitude;
  }

  double period;
  at::Tensor amplitude;  // [C]
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Wave>("wave", "one cosine per channel, with a learned amplitude"); }
