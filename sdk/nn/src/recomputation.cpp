#include "nopos/nn/recomputation.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace nopos {
namespace {

thread_local bool running_again = false;

using Layer = std::function<at::Tensor(const at::Tensor&)>;

/// The states of the generators that a layer may draw from: the processor's, and that of x's own device.
std::vector<at::Generator> generators(const at::Device& device) {
  std::vector<at::Generator> all{at::detail::getDefaultCPUGenerator()};
  if (!device.is_cpu()) all.push_back(at::globalContext().defaultGenerator(device));
  return all;
}

std::vector<at::Tensor> random_states(const at::Device& device) {
  std::vector<at::Tensor> states;
  for (at::Generator& generator : generators(device)) {
    const std::lock_guard lock(generator.mutex());
    states.push_back(generator.get_state());
  }
  return states;
}

void set_random_states(const at::Device& device, const std::vector<at::Tensor>& states) {
  std::vector<at::Generator> all = generators(device);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::lock_guard lock(all[i].mutex());
    all[i].set_state(states[i]);
  }
}

/// Forward's random numbers and the mark of `recomputing`, for as long as it lives.
class Again {
 public:
  Again(const at::Device& device, const std::vector<at::Tensor>& states)
      : device_(device), mine_(random_states(device)), outer_(std::exchange(running_again, true)) {
    set_random_states(device, states);
  }
  ~Again() {
    set_random_states(device_, mine_);
    running_again = outer_;
  }
  Again(const Again&) = delete;
  Again& operator=(const Again&) = delete;

 private:
  at::Device device_;
  std::vector<at::Tensor> mine_;
  bool outer_;
};

/// What backward needs beside x.
struct Forward final : torch::CustomClassHolder {
  Layer layer;
  at::Device device = at::kCPU;
  std::vector<at::Tensor> states;
};

struct Recomputation : torch::autograd::Function<Recomputation> {
  // x [...] -> what `layer` makes of it
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, const Layer& layer,
                            bool offload) {
    auto kept = c10::make_intrusive<Forward>();
    kept->layer = layer;
    kept->device = x.device();
    kept->states = random_states(x.device());
    ctx->save_for_backward({offload ? x.cpu() : x});
    ctx->saved_data["forward"] = c10::IValue::make_capsule(std::move(kept));
    return layer(x);  // a custom function's forward runs without gradients
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const auto kept = c10::static_intrusive_pointer_cast<Forward>(ctx->saved_data["forward"].toCapsule());
    const at::Tensor x = ctx->get_saved_variables()[0].to(kept->device).detach().requires_grad_();
    at::Tensor y;
    {
      const Again again(kept->device, kept->states);
      const at::AutoGradMode gradients(true);
      y = kept->layer(x);
    }
    torch::autograd::backward({y}, grads);
    return {x.grad(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor with_recomputation(const at::Tensor& x, Layer layer, bool offload) {
  if (!at::GradMode::is_enabled() || !x.requires_grad()) return layer(x);
  return Recomputation::apply(x, layer, offload);
}

bool recomputing() { return running_again; }

}  // namespace nopos
