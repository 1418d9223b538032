/// LAMB as apex has it, which fairseq takes it from: Adam's step with the decay inside, scaled to the
/// norm of the parameter; gradients are first scaled down to a norm of 1 over all parameters.
/// You et al. 2020, arXiv 1904.00962, algorithm 2.
#include <ATen/ATen.h>
#include <nopos/optimizer.h>

#include <cmath>

namespace {

double l2_norm(const at::Tensor& tensor) {
  return at::linalg_vector_norm(tensor, 2, {}, false, at::kDouble).item<double>();
}

class Lamb final : public nopos::Optimizer {
 public:
  struct Options {
    std::vector<double> betas = {0.9, 0.999};
    double eps = 1e-8;
    double weight_decay = 0;
    NOPOS_OPTIONS(o) {
      o.add("lamb-betas", &Options::betas, "decay of the first and second moment", nopos::Range{0, 1});
      o.add("lamb-eps", &Options::eps, "added to the denominator for numerical stability", nopos::AtLeast{0});
      o.add("weight-decay", &Options::weight_decay,
            "weight decay; with 0, steps are not scaled by the parameter's norm", nopos::AtLeast{0},
            nopos::Alias{"wd"});
    }
  };

  Lamb(const Options& options, const Context& context) : options_(options), lr_(context.lr) {
    nopos::check_betas("lamb", "lamb-betas", options.betas);
  }

  std::vector<std::string> state_names() const override { return {"exp_avg", "exp_avg_sq"}; }
  bool elementwise() const override { return false; }
  double max_grad_norm() const override { return 1; }

  void begin_update(double lr) override {
    lr_ = lr;
    ++step_;
  }

  void update(const nopos::Chunk& chunk) const override {
    const at::NoGradGuard no_grad;
    const auto view = [&chunk](float* data) { return at::from_blob(data, {chunk.size}, at::kFloat); };
    const at::Tensor value = view(chunk.value), exp_avg = view(chunk.state[0]),
                     exp_avg_sq = view(chunk.state[1]);
    const at::Tensor grad = view(const_cast<float*>(chunk.grad)) * chunk.grad_scale;
    const double beta1 = options_.betas[0], beta2 = options_.betas[1],
                 decay = decay_of(chunk, options_.weight_decay);
    const auto t = static_cast<double>(step_);

    exp_avg.mul_(beta1).add_(grad, 1 - beta1);
    exp_avg_sq.mul_(beta2).addcmul_(grad, grad, 1 - beta2);
    const at::Tensor denominator = (exp_avg_sq / (1 - std::pow(beta2, t))).sqrt_().add_(options_.eps);
    const at::Tensor step = (exp_avg / (1 - std::pow(beta1, t))).div_(denominator).add_(value, decay);
    double trust_ratio = 1;
    if (decay != 0) {
      const double value_norm = l2_norm(value), step_norm = l2_norm(step);
      if (value_norm != 0 && step_norm != 0) trust_ratio = value_norm / step_norm;
    }
    value.sub_(step, lr_ * trust_ratio);
  }

  std::vector<std::pair<std::string, nopos::Value>> group() const override {
    return {{"lr", lr_},
            {"bias_correction", true},
            {"betas", options_.betas},
            {"eps", options_.eps},
            {"weight_decay", options_.weight_decay},
            {"grad_averaging", true},
            {"max_grad_norm", max_grad_norm()},
            {"step", step_}};
  }

  void restore_group(const std::vector<std::pair<std::string, nopos::Value>>& group) override {
    for (const auto& [name, value] : group) {
      if (name == "step") step_ = std::get<std::int64_t>(value);
    }
  }

 private:
  Options options_;
  double lr_;
  std::int64_t step_ = 0;  // of all parameters together
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Lamb>("lamb", "Adam with a trust ratio for each parameter"); }
