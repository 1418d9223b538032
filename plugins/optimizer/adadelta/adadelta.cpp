/// Adadelta: a step is as large as recent steps were, for a gradient as large as recent gradients were;
/// weight decay is added to the gradient. Zeiler 2012, arXiv 1212.5701, algorithm 1.
#include <nopos/nn/simd.h>
#include <nopos/optimizer.h>

#include <cmath>

namespace {

struct Coefficients {
  float lr, rho, one_minus_rho, eps, weight_decay, grad_scale;
};

NOPOS_SIMD_CLONES
void adadelta(const Coefficients c, std::int64_t size, float* __restrict value, const float* __restrict grad,
              float* __restrict square_avg, float* __restrict acc_delta) {
  for (std::int64_t i = 0; i < size; ++i) {
    const float g = grad[i] * c.grad_scale + c.weight_decay * value[i];
    const float s = c.rho * square_avg[i] + c.one_minus_rho * g * g;
    const float delta = std::sqrt(acc_delta[i] + c.eps) / std::sqrt(s + c.eps) * g;
    square_avg[i] = s;
    acc_delta[i] = c.rho * acc_delta[i] + c.one_minus_rho * delta * delta;
    value[i] -= c.lr * delta;
  }
}

class Adadelta final : public nopos::Optimizer {
 public:
  struct Options {
    double rho = 0.9;
    double eps = 1e-6;
    double weight_decay = 0;
    NOPOS_OPTIONS(o) {
      o.add("adadelta-rho", &Options::rho, "decay of both averages", nopos::Range{0, 1});
      o.add("adadelta-eps", &Options::eps, "added to both averages for numerical stability",
            nopos::AtLeast{0});
      o.add("weight-decay", &Options::weight_decay, "L2 penalty, added to the gradient", nopos::AtLeast{0},
            nopos::Alias{"wd"});
      o.ignored("anneal-eps", false, "decrease epsilon during training",
                "fairseq accepts the flag and never uses it");
    }
  };

  Adadelta(const Options& options, const Context& context) : options_(options), lr_(context.lr) {}

  std::vector<std::string> state_names() const override { return {"square_avg", "acc_delta"}; }
  bool counts_steps() const override { return true; }
  void begin_update(double lr) override { lr_ = lr; }

  void update(const nopos::Chunk& chunk) const override {
    const Coefficients c{.lr = static_cast<float>(lr_),
                         .rho = static_cast<float>(options_.rho),
                         .one_minus_rho = static_cast<float>(1 - options_.rho),
                         .eps = static_cast<float>(options_.eps),
                         .weight_decay = static_cast<float>(decay_of(chunk, options_.weight_decay)),
                         .grad_scale = chunk.grad_scale};
    adadelta(c, chunk.size, chunk.value, chunk.grad, chunk.state[0], chunk.state[1]);
  }

  std::vector<std::pair<std::string, nopos::Value>> group() const override {
    return {{"lr", lr_},
            {"rho", options_.rho},
            {"eps", options_.eps},
            {"weight_decay", options_.weight_decay},
            {"maximize", false},
            {"foreach", {}},
            {"differentiable", false}};
  }

 private:
  Options options_;
  double lr_;
};

}  // namespace

NOPOS_PLUGIN(plugin) {
  plugin.add<Adadelta>("adadelta", "Adadelta: step sizes from recent steps and gradients");
}
