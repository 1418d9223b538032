/// Adagrad: each element's rate falls with the root of the sum of its squared gradients; weight decay is
/// added to the gradient. Duchi, Hazan, Singer 2011, JMLR 12, figure 1 (diagonal form).
#include <nopos/nn/simd.h>
#include <nopos/optimizer.h>

#include <cmath>

namespace {

constexpr double eps = 1e-10;  // PyTorch's, which fairseq's flags cannot change

NOPOS_SIMD_CLONES
void adagrad(float lr, float weight_decay, float grad_scale, std::int64_t size, float* __restrict value,
             const float* __restrict grad, float* __restrict sum) {
  for (std::int64_t i = 0; i < size; ++i) {
    const float g = grad[i] * grad_scale + weight_decay * value[i];
    const float s = sum[i] + g * g;
    sum[i] = s;
    value[i] -= lr * (g / (std::sqrt(s) + static_cast<float>(eps)));
  }
}

class Adagrad final : public nopos::Optimizer {
 public:
  struct Options {
    double weight_decay = 0;
    NOPOS_OPTIONS(o) {
      o.add("weight-decay", &Options::weight_decay, "L2 penalty, added to the gradient", nopos::AtLeast{0},
            nopos::Alias{"wd"});
    }
  };

  Adagrad(const Options& options, const Context& context) : options_(options), lr_(context.lr) {}

  std::vector<std::string> state_names() const override { return {"sum"}; }
  bool counts_steps() const override { return true; }
  void begin_update(double lr) override { lr_ = lr; }

  void update(const nopos::Chunk& chunk) const override {
    adagrad(static_cast<float>(lr_), static_cast<float>(decay_of(chunk, options_.weight_decay)),
            chunk.grad_scale, chunk.size, chunk.value, chunk.grad, chunk.state[0]);
  }

  std::vector<std::pair<std::string, nopos::Value>> group() const override {
    return {{"lr", lr_},
            {"lr_decay", std::int64_t{0}},
            {"eps", eps},
            {"weight_decay", options_.weight_decay},
            {"initial_accumulator_value", std::int64_t{0}},
            {"foreach", {}},
            {"maximize", false},
            {"differentiable", false}};
  }

 private:
  Options options_;
  double lr_;
};

}  // namespace

NOPOS_PLUGIN(plugin) {
  plugin.add<Adagrad>("adagrad", "gradients divided by the root of the sum of their squares");
}
