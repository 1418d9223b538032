#include "nopos/finite_trace.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace nopos {
namespace {

FiniteTrace* living = nullptr;

bool finite(const at::Tensor& tensor) {
  return !tensor.defined() || !tensor.is_floating_point() || at::isfinite(tensor.detach()).all().item<bool>();
}

bool all_finite(std::initializer_list<at::Tensor> tensors) {
  return std::all_of(tensors.begin(), tensors.end(), finite);
}

}  // namespace

FiniteTrace::FiniteTrace() { living = this; }
FiniteTrace::~FiniteTrace() { living = nullptr; }
FiniteTrace* FiniteTrace::current() { return living; }

void FiniteTrace::add(const PluginCall& call, std::initializer_list<at::Tensor> given,
                      std::initializer_list<at::Tensor> made) {
  if (call.plugin() == nullptr) return;
  calls_.push_back({call.plugin()->name, call.where(), all_finite(given), all_finite(made)});
  Call& record = calls_.back();
  const auto watch = [&](const at::Tensor& tensor, Seen Call::*seen) {
    if (!tensor.defined() || !tensor.requires_grad()) return false;
    tensor.register_hook([this, &record, seen](const at::Tensor& grad) {
      if (living != this) return;
      if (record.*seen != Seen::not_finite) record.*seen = finite(grad) ? Seen::finite : Seen::not_finite;
    });
    return true;
  };
  bool in = false, out = false;
  for (const at::Tensor& tensor : given) in = watch(tensor, &Call::grad_of_given) || in;
  for (const at::Tensor& tensor : made) {
    const bool passed_on =
        std::any_of(given.begin(), given.end(), [&](const at::Tensor& one) { return one.is_same(tensor); });
    if (!passed_on) out = watch(tensor, &Call::grad_of_made) || out;
  }
  record.expects_grad = in && out;
}

std::string FiniteTrace::origin() const {
  for (const Call& call : calls_) {
    if (!call.given_finite) return "it is already present when " + call.plugin + " is called " + call.where;
    if (!call.made_finite) return "it first appears in what " + call.plugin + " returned " + call.where;
  }
  for (auto call = calls_.rbegin(); call != calls_.rend(); ++call) {
    if (call->grad_of_made == Seen::finite && call->grad_of_given == Seen::not_finite)
      return "it first appears in the gradient of what " + call->plugin + " computed " + call->where;
  }
  return {};
}

std::string FiniteTrace::interrupted() const {
  for (const Call& call : calls_) {
    if (call.expects_grad && call.grad_of_made != Seen::nothing && call.grad_of_given == Seen::nothing)
      return call.plugin + ": the plugin failed in the gradient of what it computed " + call.where;
  }
  return {};
}

}  // namespace nopos
