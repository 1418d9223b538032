/// Nesterov's accelerated gradient, in fairseq's form: the buffer holds the last step, so it is
/// rescaled when the rate changes; weight decay is decoupled and times the rate. Nesterov 1983; the form is
/// that of Bengio et al. 2013, arXiv 1212.0901, equations 6 and 7.
#include <nopos/nn/simd.h>
#include <nopos/optimizer.h>

namespace {

struct Coefficients {
  float decay;                         // what a parameter keeps: 1 - lr × weight decay
  float value_momentum, value_grad;    // momentum² × correction, (1 + momentum) × lr
  float buffer_momentum, buffer_grad;  // momentum × correction, lr
  float grad_scale;
};

NOPOS_SIMD_CLONES
void nag(const Coefficients c, std::int64_t size, float* __restrict value, const float* __restrict grad,
         float* __restrict buffer) {
  for (std::int64_t i = 0; i < size; ++i) {
    const float g = grad[i] * c.grad_scale;
    const float b = buffer[i];
    value[i] = value[i] * c.decay + c.value_momentum * b - c.value_grad * g;
    buffer[i] = c.buffer_momentum * b - c.buffer_grad * g;
  }
}

class Nag final : public nopos::Optimizer {
 public:
  struct Options {
    double momentum = 0.99;
    double weight_decay = 0;
    NOPOS_OPTIONS(o) {
      o.add("momentum", &Options::momentum, "momentum: fraction of the previous step to add",
            nopos::AtLeast{0});
      o.add("weight-decay", &Options::weight_decay, "decoupled weight decay, multiplied by the learning rate",
            nopos::AtLeast{0});
    }
  };

  Nag(const Options& options, const Context& context)
      : options_(options), lr_(context.lr), lr_old_(context.lr) {}

  std::vector<std::string> state_names() const override { return {"momentum_buffer"}; }

  void begin_update(double lr) override {
    const double correction = lr_old_ > 0 ? lr / lr_old_ : lr, momentum = options_.momentum;
    coefficients_ = {.decay = 1,
                     .value_momentum = static_cast<float>(momentum * momentum * correction),
                     .value_grad = static_cast<float>((1 + momentum) * lr),
                     .buffer_momentum = static_cast<float>(momentum * correction),
                     .buffer_grad = static_cast<float>(lr),
                     .grad_scale = 1};
    lr_ = lr_old_ = lr;
  }

  void update(const nopos::Chunk& chunk) const override {
    Coefficients c = coefficients_;
    c.decay = static_cast<float>(1 - lr_ * decay_of(chunk, options_.weight_decay));
    c.grad_scale = chunk.grad_scale;
    nag(c, chunk.size, chunk.value, chunk.grad, chunk.state[0]);
  }

  std::vector<std::pair<std::string, nopos::Value>> group() const override {
    return {{"lr", lr_},
            {"lr_old", lr_old_},
            {"momentum", options_.momentum},
            {"weight_decay", options_.weight_decay}};
  }

  void restore_group(const std::vector<std::pair<std::string, nopos::Value>>& group) override {
    for (const auto& [name, value] : group) {
      if (name == "lr_old") lr_old_ = std::get<double>(value);
    }
  }

 private:
  Options options_;
  double lr_, lr_old_;
  Coefficients coefficients_{};
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Nag>("nag", "Nesterov's accelerated gradient"); }
