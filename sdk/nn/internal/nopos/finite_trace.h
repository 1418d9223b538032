#pragma once
/// Finds the origin of a NaN or infinity. Used only after one has been detected: the step is computed again
/// while a FiniteTrace exists, and the marked calls of hooks report their inputs and outputs to it.

#include <ATen/core/Tensor.h>

#include <deque>
#include <initializer_list>
#include <string>

#include "nopos/error.h"
#include "nopos/plugin_call.h"

namespace nopos {

class FiniteTrace {
 public:
  FiniteTrace();
  ~FiniteTrace();
  FiniteTrace(const FiniteTrace&) = delete;
  FiniteTrace& operator=(const FiniteTrace&) = delete;

  /// The existing one, or null: then nothing is checked. At most one exists; used from one thread.
  static FiniteTrace* current();

  /// Records that `call` computed `made` from `given`; undefined tensors are ignored. If they require
  /// gradients, these are checked in backward, too.
  void add(const PluginCall& call, std::initializer_list<at::Tensor> given,
           std::initializer_list<at::Tensor> made);

  /// "it first appears in what nopos.x 0.1.0 (...) returned from its hook transform, layer 3", or an empty
  /// string.
  std::string origin() const;

  /// Where backward was when it threw: "the gradient of its hook ..."; empty if outside all marked hooks.
  std::string interrupted() const;

 private:
  enum class Seen { nothing, finite, not_finite };
  struct Call {
    std::string plugin, where;
    bool given_finite, made_finite;
    Seen grad_of_made = Seen::nothing, grad_of_given = Seen::nothing;
    bool expects_grad = false;  ///< backward passes through it
  };
  std::deque<Call> calls_;  // gradient hooks hold pointers into it
};

/// Backward threw, in LibTorch or in a plugin's own gradient; no mark tells which.
class BackwardFailed : public Error {
 public:
  explicit BackwardFailed(const std::string& reason)
      : Error(ExitCode::runtime, "backward failed: " + reason + "."), reason_(reason) {}
  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

}  // namespace nopos
