/// Sinusoidal positions: sines and cosines of geometrically falling frequencies, added to the token
/// embedding. Vaswani et al. 2017, arXiv 1706.03762, section 3.5, in fairseq's layout: all sines, then
/// all cosines; the frequencies end at exactly 1/10000; the first token takes row padding_idx + 1.
#include <ATen/ATen.h>
#include <nopos/error.h>
#include <nopos/positional_encoding.h>

#include <algorithm>
#include <cmath>

namespace {

constexpr std::int64_t most_at_first = 1 << 16;

/// -> [rows,dim] float; row `zero_row` is zero, and so is the last column of an odd `dim`.
at::Tensor sinusoids(std::int64_t rows, std::int64_t dim, std::int64_t zero_row) {
  const std::int64_t half = dim / 2;
  const double step = -std::log(10000.0) / static_cast<double>(half - 1);
  const at::Tensor frequencies = at::arange(half, at::kFloat).mul_(step).exp_();
  const at::Tensor angles = at::arange(rows, at::kFloat).unsqueeze(1) * frequencies;  // [rows,half]
  at::Tensor table = at::zeros({rows, dim});
  table.narrow(1, 0, half).copy_(angles.sin());
  table.narrow(1, half, half).copy_(angles.cos());
  table[zero_row].zero_();
  return table;
}

class Sinusoidal final : public nopos::PositionalEncoding {
 public:
  explicit Sinusoidal(const nopos::ModelShape& model)
      : dim_(model.embed_dim), padding_idx_(model.padding_idx) {
    if (dim_ < 4) {
      throw nopos::Error(nopos::ExitCode::configuration,
                         "positional_encoding/sinusoidal: the model is " + std::to_string(dim_) +
                             " wide, but at least two frequencies, so a width of 4, are needed.");
    }
    register_buffer("_float_tensor", at::zeros({1}));  // in fairseq's checkpoints, without use
    // rows for longer sequences are made when one comes
    table_ = sinusoids(std::min(model.max_positions, most_at_first) + model.padding_idx + 1, dim_,
                       model.padding_idx);
    declare().table("table", [this] { return table_; });
  }

  at::Tensor embed(at::Tensor x, const nopos::Forward& forward) override {
    // x [B,T,C] -> [B,T,C]
    const at::Tensor wanted = nopos::position_rows(forward, padding_idx_);
    const std::int64_t rows = forward.regular() ? forward.total() + padding_idx_ + 1  // at most
                                                : wanted.max().item<std::int64_t>() + 1;
    if (rows > table_.size(0)) {
      table_ = sinusoids(std::max(rows, 2 * table_.size(0)), dim_, padding_idx_).to(table_.options());
    }
    if (table_.device() != forward.device()) table_ = table_.to(forward.device());
    return x.add_(table_.index_select(0, wanted.view(-1)).view({wanted.size(0), wanted.size(1), dim_}));
  }

 private:
  std::int64_t dim_, padding_idx_;
  at::Tensor table_;  // [rows,C]; computed, so not part of a checkpoint
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Sinusoidal>("sinusoidal", "sinusoids of the position, fixed"); }
