/// Adam with decoupled weight decay, in fairseq's form: epsilon is added to the square root of the second
/// moment before its bias is corrected.
/// Kingma, Ba 2015, arXiv 1412.6980; Loshchilov, Hutter 2019, arXiv 1711.05101.
#include <nopos/nn/simd.h>
#include <nopos/optimizer.h>

#include <cmath>

namespace {

struct Coefficients {
  float decay;  // what a parameter keeps: 1 - lr × weight decay
  float beta1, one_minus_beta1, beta2, one_minus_beta2, eps;
  float step_size;  // lr × sqrt(1 - beta2^t) / (1 - beta1^t)
  float grad_scale;
};

NOPOS_SIMD_CLONES
void adam(const Coefficients c, std::int64_t size, float* __restrict value, const float* __restrict grad,
          float* __restrict exp_avg, float* __restrict exp_avg_sq) {
  for (std::int64_t i = 0; i < size; ++i) {
    const float g = grad[i] * c.grad_scale;
    const float m = c.beta1 * exp_avg[i] + c.one_minus_beta1 * g;
    const float v = c.beta2 * exp_avg_sq[i] + c.one_minus_beta2 * g * g;
    exp_avg[i] = m;
    exp_avg_sq[i] = v;
    value[i] = value[i] * c.decay - c.step_size * (m / (std::sqrt(v) + c.eps));
  }
}

class Adam final : public nopos::Optimizer {
 public:
  struct Options {
    std::vector<double> betas = {0.9, 0.999};
    double eps = 1e-8;
    double weight_decay = 0;
    NOPOS_OPTIONS(o) {
      o.add("adam-betas", &Options::betas, "decay of the first and second moment", nopos::Range{0, 1});
      o.add("adam-eps", &Options::eps, "added to the denominator for numerical stability", nopos::AtLeast{0});
      o.add("weight-decay", &Options::weight_decay, "decoupled weight decay, multiplied by the learning rate",
            nopos::AtLeast{0});
      o.ignored("use-old-adam", false, "never use the fused GPU kernel", "there is only one implementation");
      o.refused("fp16-adam-stats", false, "keep the moments in half precision",
                "the moments are kept in float32");
    }
  };

  explicit Adam(const Options& options, const Context& context) : options_(options), lr_(context.lr) {
    nopos::check_betas("adam", "adam-betas", options.betas);
  }

  std::vector<std::string> state_names() const override { return {"exp_avg", "exp_avg_sq"}; }
  bool counts_steps() const override { return true; }
  void begin_update(double lr) override { lr_ = lr; }

  void update(const nopos::Chunk& chunk) const override {
    const double beta1 = options_.betas[0], beta2 = options_.betas[1];
    const auto t = static_cast<double>(chunk.step);
    const double step_size = lr_ * std::sqrt(1 - std::pow(beta2, t)) / (1 - std::pow(beta1, t));
    const Coefficients c{.decay = static_cast<float>(1 - lr_ * decay_of(chunk, options_.weight_decay)),
                         .beta1 = static_cast<float>(beta1),
                         .one_minus_beta1 = static_cast<float>(1 - beta1),
                         .beta2 = static_cast<float>(beta2),
                         .one_minus_beta2 = static_cast<float>(1 - beta2),
                         .eps = static_cast<float>(options_.eps),
                         .step_size = static_cast<float>(step_size),
                         .grad_scale = chunk.grad_scale};
    adam(c, chunk.size, chunk.value, chunk.grad, chunk.state[0], chunk.state[1]);
  }

  std::vector<std::pair<std::string, nopos::Value>> group() const override {
    return {{"lr", lr_},
            {"betas", options_.betas},
            {"eps", options_.eps},
            {"weight_decay", options_.weight_decay},
            {"amsgrad", false}};
  }

 private:
  Options options_;
  double lr_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Adam>("adam", "Adam with decoupled weight decay"); }
