/// Adafactor: the second moment of a matrix is kept as means of its rows and columns, and an update's root
/// mean square is limited. Shazeer, Stern 2018, arXiv 1804.04235, algorithms 4 and 5.
#include <ATen/ATen.h>
#include <nopos/error.h>
#include <nopos/optimizer.h>

#include <algorithm>
#include <cmath>

namespace {

double root_mean_square(const at::Tensor& tensor) {
  return at::linalg_vector_norm(tensor, 2, {}, false, at::kDouble).item<double>() /
         std::sqrt(static_cast<double>(tensor.numel()));
}

class Adafactor final : public nopos::Optimizer {
 public:
  struct Options {
    std::vector<double> eps = {1e-30, 1e-3};
    double clip_threshold = 1;
    double decay_rate = -0.8;
    std::optional<double> beta1;
    double weight_decay = 0;
    bool scale_parameter = false;
    NOPOS_OPTIONS(o) {
      o.add("adafactor-eps", &Options::eps,
            "added to squared gradients; and the minimum root mean square of a parameter", nopos::AtLeast{0});
      o.add("clip-threshold", &Options::clip_threshold, "maximum root mean square of an update",
            nopos::Above{0});
      o.add("decay-rate", &Options::decay_rate, "exponent of the decay of squared gradients");
      o.add("beta1", &Options::beta1, "decay of the first moment; not given: no first moment",
            nopos::Range{0, 1});
      o.add("weight-decay", &Options::weight_decay, "decoupled weight decay, multiplied by the learning rate",
            nopos::AtLeast{0}, nopos::Alias{"wd"});
      o.add("scale-parameter", &Options::scale_parameter,
            "scale the learning rate by the root mean square of each parameter");
      o.refused("relative-step", false, "compute the learning rate from the number of updates",
                "--lr is always set, and fairseq cannot combine the two");
      o.refused("warmup-init", false, "start with small relative steps",
                "it modifies --relative-step, which cannot be combined with --lr");
    }
  };

  Adafactor(const Options& options, const Context& context) : options_(options), lr_(context.lr) {}

  std::vector<std::string> state_names() const override {
    return {"exp_avg", "exp_avg_sq_row", "exp_avg_sq_col", "exp_avg_sq", "RMS"};
  }

  std::optional<std::vector<std::int64_t>> state_shape(const std::string& name,
                                                       at::IntArrayRef parameter) const override {
    const bool factored = parameter.size() >= 2;
    std::vector<std::int64_t> shape = parameter.vec();
    if (name == "RMS") return std::vector<std::int64_t>{};
    if (name == "exp_avg") return options_.beta1 ? std::optional(shape) : std::nullopt;
    if (name == "exp_avg_sq") return factored ? std::nullopt : std::optional(shape);
    if (!factored) return std::nullopt;
    shape.erase(name == "exp_avg_sq_row" ? shape.end() - 1 : shape.end() - 2);
    return shape;
  }

  bool counts_steps() const override { return true; }
  bool elementwise() const override { return false; }
  void begin_update(double lr) override { lr_ = lr; }

  void update(const nopos::Chunk& chunk) const override {
    const at::NoGradGuard no_grad;
    const at::IntArrayRef shape(chunk.parameter->shape);
    const at::Tensor value = at::from_blob(chunk.value, shape, at::kFloat);
    const at::Tensor grad =
        at::from_blob(const_cast<float*>(chunk.grad), shape, at::kFloat) * chunk.grad_scale;
    const double rms = root_mean_square(value);
    *chunk.state[4] = static_cast<float>(rms);
    // The paper's: each parameter by its own root mean square. fairseq multiplies those of all
    // parameters before it in the list into the rate as well.
    const double lr = lr_ * (options_.scale_parameter ? std::max(options_.eps[1], rms) : 1);

    at::Tensor step = inverse_root(chunk, grad).mul_(grad);
    step.mul_(lr / std::max(1.0, root_mean_square(step) / options_.clip_threshold));
    if (options_.beta1) {
      const at::Tensor exp_avg = at::from_blob(chunk.state[0], shape, at::kFloat);
      step = exp_avg.mul_(*options_.beta1).add_(step, 1 - *options_.beta1);
    }
    value.mul_(1 - decay_of(chunk, options_.weight_decay) * lr).sub_(step);
  }

  std::vector<std::pair<std::string, nopos::Value>> group() const override {
    return {{"lr", lr_},
            {"eps", options_.eps},
            {"clip_threshold", options_.clip_threshold},
            {"decay_rate", options_.decay_rate},
            {"beta1", options_.beta1 ? nopos::Value(*options_.beta1) : nopos::Value()},
            {"weight_decay", options_.weight_decay},
            {"scale_parameter", options_.scale_parameter},
            {"relative_step", false},
            {"warmup_init", false}};
  }

 private:
  /// Takes in the squares of `grad` -> one over the root of the second moment, [..., rows, columns].
  at::Tensor inverse_root(const nopos::Chunk& chunk, const at::Tensor& grad) const {
    const double weight = std::pow(static_cast<double>(chunk.step), options_.decay_rate);
    const at::Tensor squares = grad.square().add_(options_.eps[0]);
    const auto average = [&](std::size_t state, const at::Tensor& news) {
      return at::from_blob(chunk.state[state], news.sizes(), at::kFloat).mul_(1 - weight).add_(news, weight);
    };
    if (grad.dim() < 2) return average(3, squares).rsqrt();
    const at::Tensor rows = average(1, squares.mean(-1)), columns = average(2, squares.mean(-2));
    return (rows / rows.mean(-1, /*keepdim=*/true)).rsqrt_().unsqueeze(-1) * columns.rsqrt().unsqueeze(-2);
  }

  Options options_;
  double lr_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Adafactor>("adafactor", "second moments factored into rows and columns"); }
