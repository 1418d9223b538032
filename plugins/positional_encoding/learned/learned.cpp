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
  explicit Learned(const nopos::ModelShape& model) : max_length_(model.max_positions) {
    const std::int64_t rows = model.max_positions + model.padding_idx + 1;  // counted from padding_idx + 1
    weight_ = register_parameter("weight", nopos::fresh_embedding(rows, model.embed_dim));
    nopos::init_embedding_(weight_, model.padding_idx);
  }

  Traits traits() const override { return {.max_length = max_length_}; }

  at::Tensor embed(const nopos::PositionContext& context) override {
    // tokens [B,T] -> [B,T,C]
    const std::int64_t length = context.past_length + context.length();
    if (length > max_length_) {
      throw nopos::Error(nopos::ExitCode::configuration,
                         "positional_encoding/learned: a sequence of " + std::to_string(length) +
                             " tokens is longer than the table, which has " + std::to_string(max_length_) +
                             " positions; raise --max-target-positions, or use an encoding without a limit.");
    }
    return at::embedding(weight_, nopos::position_rows(context), context.padding_idx);
  }

  std::vector<std::pair<std::string, at::Tensor>> tables() const override { return {{"weight", weight_}}; }

 private:
  std::int64_t max_length_;
  at::Tensor weight_;  // [max_length + padding_idx + 1, C]
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Learned>("learned", "one learned vector per position"); }
