/// Stochastic gradient descent, with heavy-ball momentum where asked for; weight decay is added to the
/// gradient. Sutskever et al. 2013, ICML, section 2.
#include <nopos/nn/simd.h>
#include <nopos/optimizer.h>

namespace {

NOPOS_SIMD_CLONES
void descend(float lr, float weight_decay, float grad_scale, std::int64_t size, float* __restrict value,
             const float* __restrict grad) {
  for (std::int64_t i = 0; i < size; ++i) {
    value[i] -= lr * (grad[i] * grad_scale + weight_decay * value[i]);
  }
}

NOPOS_SIMD_CLONES
void descend_with_momentum(float lr, float weight_decay, float grad_scale, float momentum, std::int64_t size,
                           float* __restrict value, const float* __restrict grad, float* __restrict buffer) {
  for (std::int64_t i = 0; i < size; ++i) {
    const float b = momentum * buffer[i] + (grad[i] * grad_scale + weight_decay * value[i]);
    buffer[i] = b;
    value[i] -= lr * b;
  }
}

class Sgd final : public nopos::Optimizer {
 public:
  struct Options {
    double momentum = 0;
    double weight_decay = 0;
    NOPOS_OPTIONS(o) {
      o.add("momentum", &Options::momentum, "momentum: fraction of the previous step to add",
            nopos::AtLeast{0});
      o.add("weight-decay", &Options::weight_decay, "L2 penalty, added to the gradient", nopos::AtLeast{0},
            nopos::Alias{"wd"});
    }
  };

  Sgd(const Options& options, const Context& context) : options_(options), lr_(context.lr) {}

  std::vector<std::string> state_names() const override {
    return options_.momentum == 0 ? std::vector<std::string>{} : std::vector<std::string>{"momentum_buffer"};
  }

  void begin_update(double lr) override { lr_ = lr; }

  void update(const nopos::Chunk& chunk) const override {
    const auto lr = static_cast<float>(lr_),
               weight_decay = static_cast<float>(decay_of(chunk, options_.weight_decay));
    if (chunk.state.empty()) {
      descend(lr, weight_decay, chunk.grad_scale, chunk.size, chunk.value, chunk.grad);
    } else {
      descend_with_momentum(lr, weight_decay, chunk.grad_scale, static_cast<float>(options_.momentum),
                            chunk.size, chunk.value, chunk.grad, chunk.state[0]);
    }
  }

  std::vector<std::pair<std::string, nopos::Value>> group() const override {
    return {{"lr", lr_},
            {"momentum", options_.momentum},
            {"dampening", std::int64_t{0}},
            {"weight_decay", options_.weight_decay},
            {"nesterov", false},
            {"maximize", false},
            {"foreach", {}},
            {"differentiable", false}};
  }

 private:
  Options options_;
  double lr_;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<Sgd>("sgd", "stochastic gradient descent"); }
