/// Learned absolute positions: one trained vector per place, added to the token embedding. A hard limit:
/// there is no vector for a place beyond the longest sequence of training.
/// Gehring et al. 2017, arXiv 1705.03122, section 3.1.
#include <ATen/ATen.h>
#include <nopos/error.h>
#include <nopos/nn/initial_weights.h>
#include <nopos/positional_encoding.h>

namespace {

class Learned final : public nopos::PositionalEncoding {
 public:
  explicit Learned(const nopos::ModelShape& model)
      : max_length_(model.max_positions), padding_idx_(model.padding_idx) {
    const std::int64_t rows = model.max_positions + model.padding_idx + 1;  // counted from padding_idx + 1
    weight_ = register_parameter("weight", nopos::fresh_embedding(rows, model.embed_dim));
    nopos::init_embedding_(weight_, model.padding_idx);
    declare().max_length(max_length_).table("weight", [this] { return weight_; });
  }

  at::Tensor embed(at::Tensor x, const nopos::Forward& forward) override {
    // x [B,T,C] -> [B,T,C]
    const at::Tensor rows = nopos::position_rows(forward, padding_idx_);
    if (!forward.regular()) check(rows.max().item<std::int64_t>());  // others may have moved the tokens
    return x.add_(at::embedding(weight_, rows, padding_idx_));
  }

 private:
  void check(std::int64_t last_row) const {
    const std::int64_t length = last_row - padding_idx_;
    if (length <= max_length_) return;
    throw nopos::Error(nopos::ExitCode::configuration,
                       "positional_encoding/learned: a sequence of " + std::to_string(length) +
                           " tokens is longer than the table of " + std::to_string(max_length_) +
                           " positions; raise --max-target-positions, or use an encoding without a limit.");
  }

  std::int64_t max_length_, padding_idx_;
  at::Tensor weight_;  // [max_length + padding_idx + 1, C]
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Learned>("learned", "one learned vector per position"); }
