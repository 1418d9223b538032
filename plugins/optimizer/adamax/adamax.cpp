/// Adamax with decoupled weight decay: Adam, with the decayed maximum of the gradients in place of the root
/// of the second moment. Kingma, Ba 2015, arXiv 1412.6980, algorithm 2.
#include <nopos/nn/simd.h>
#include <nopos/optimizer.h>

#include <algorithm>
#include <cmath>

namespace {

struct Coefficients {
  float decay;  // what a parameter keeps: 1 - lr × weight decay
  float beta1, one_minus_beta1, beta2, eps;
  float step_size;  // lr / (1 - beta1^t)
  float grad_scale;
};

NOPOS_SIMD_CLONES
void adamax(const Coefficients c, std::int64_t size, float* __restrict value, const float* __restrict grad,
            float* __restrict exp_avg, float* __restrict exp_inf) {
  for (std::int64_t i = 0; i < size; ++i) {
    const float g = grad[i] * c.grad_scale;
    const float m = c.beta1 * exp_avg[i] + c.one_minus_beta1 * g;
    const float u = std::max(c.beta2 * exp_inf[i], std::abs(g));
    exp_avg[i] = m;
    exp_inf[i] = u;
    value[i] = value[i] * c.decay - c.step_size * (m / (u + c.eps));
  }
}

class Adamax final : public nopos::Optimizer {
 public:
  struct Options {
    std::vector<double> betas = {0.9, 0.999};
    double eps = 1e-8;
    double weight_decay = 0;
    bool no_bias_correction = false;
    NOPOS_OPTIONS(o) {
      o.add("adamax-betas", &Options::betas, "decay of the first moment and of the infinity norm",
            nopos::Range{0, 1});
      o.add("adamax-eps", &Options::eps, "added to the denominator for numerical stability",
            nopos::AtLeast{0});
      o.add("weight-decay", &Options::weight_decay, "decoupled weight decay, multiplied by the learning rate",
            nopos::AtLeast{0}, nopos::Alias{"wd"});
      o.add("no-bias-correction", &Options::no_bias_correction, "no bias correction of the first moment");
    }
  };

  Adamax(const Options& options, const Context& context) : options_(options), lr_(context.lr) {
    nopos::check_betas("adamax", "adamax-betas", options.betas);
  }

  std::vector<std::string> state_names() const override { return {"exp_avg", "exp_inf"}; }
  bool counts_steps() const override { return true; }
  void begin_update(double lr) override { lr_ = lr; }

  void update(const nopos::Chunk& chunk) const override {
    const double beta1 = options_.betas[0];
    const double correction =
        options_.no_bias_correction ? 1 : 1 - std::pow(beta1, static_cast<double>(chunk.step));
    const Coefficients c{.decay = static_cast<float>(1 - lr_ * decay_of(chunk, options_.weight_decay)),
                         .beta1 = static_cast<float>(beta1),
                         .one_minus_beta1 = static_cast<float>(1 - beta1),
                         .beta2 = static_cast<float>(options_.betas[1]),
                         .eps = static_cast<float>(options_.eps),
                         .step_size = static_cast<float>(lr_ / correction),
                         .grad_scale = chunk.grad_scale};
    adamax(c, chunk.size, chunk.value, chunk.grad, chunk.state[0], chunk.state[1]);
  }

  std::vector<std::pair<std::string, nopos::Value>> group() const override {
    return {{"lr", lr_},
            {"betas", options_.betas},
            {"eps", options_.eps},
            {"weight_decay", options_.weight_decay},
            {"bias_correction", !options_.no_bias_correction}};
  }

 private:
  Options options_;
  double lr_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Adamax>("adamax", "Adam with the infinity norm"); }
