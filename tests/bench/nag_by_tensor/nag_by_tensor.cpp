/// Nesterov's accelerated gradient the way it is written with tensor operations: parameter by parameter, one
/// pass over memory for each step of the formula. Only here to measure the optimizer `nag` against.
#include <ATen/ATen.h>

#include <nopos/optimizer.h>

namespace {

class NagByTensor final : public nopos::Optimizer {
 public:
  struct Options {
    double momentum = 0.99;
    NOPOS_OPTIONS(o) {
      o.add("momentum", &Options::momentum, "momentum: fraction of the previous step to add",
            nopos::AtLeast{0});
    }
  };

  NagByTensor(const Options& options, const Context& context)
      : momentum_(options.momentum), lr_(context.lr), lr_old_(context.lr) {}

  std::vector<std::string> state_names() const override { return {"momentum_buffer"}; }
  bool elementwise() const override { return false; }

  void begin_update(double lr) override {
    correction_ = lr_old_ > 0 ? lr / lr_old_ : lr;
    lr_ = lr_old_ = lr;
  }

  void update(const nopos::Chunk& chunk) const override {
    const auto tensor = [&](float* data) { return at::from_blob(data, {chunk.size}, at::kFloat); };
    at::Tensor value = tensor(chunk.value), buffer = tensor(chunk.state[0]);
    at::Tensor grad = tensor(const_cast<float*>(chunk.grad));
    grad.mul_(chunk.grad_scale);
    value.add_(buffer, momentum_ * momentum_ * correction_);
    value.add_(grad, -(1 + momentum_) * lr_);
    buffer.mul_(momentum_ * correction_).add_(grad, -lr_);
  }

  std::vector<std::pair<std::string, nopos::Value>> group() const override {
    return {{"lr", lr_}, {"lr_old", lr_old_}, {"momentum", momentum_}};
  }

 private:
  double momentum_, lr_, lr_old_, correction_ = 1;
};

}  // namespace

NOPOS_PLUGIN(plugin) { plugin.add<NagByTensor>("nag_by_tensor", "NAG, one pass for each operation"); }
