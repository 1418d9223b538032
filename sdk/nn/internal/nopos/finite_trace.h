#pragma once
/// Where the first number that is not finite comes from. Looked for only once it is known that there is one:
/// the step is computed again while a FiniteTrace lives, and the marked calls of hooks tell it what went in
/// and out.

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

  /// The one that lives, or null: then nothing is looked at. One at a time, from one thread.
  static FiniteTrace* current();

  /// `call` made `made` of `given`; undefined tensors do not count. With gradients, what comes back to them
  /// in backward is looked at, too.
  void add(const PluginCall& call, std::initializer_list<at::Tensor> given,
           std::initializer_list<at::Tensor> made);

  /// "it first appears in what nopos.x 0.1.0 (...) returned from its hook transform, layer 3", or an empty
  /// text.
  std::string origin() const;

  /// Where backward was when it threw: "the gradient of its hook ..."; empty: in no hook that was marked.
  std::string interrupted() const;

 private:
  enum class Seen { nothing, finite, not_finite };
  struct Call {
    std::string plugin, where;
    bool given_finite, made_finite;
    Seen grad_of_made = Seen::nothing, grad_of_given = Seen::nothing;
    bool expects_grad = false;  ///< backward goes through it
  };
  std::deque<Call> calls_;  // hooks of gradients point into it
};

/// Backward threw, in LibTorch or in a plugin's own gradient; no mark tells whose it was.
class BackwardFailed : public Error {
 public:
  explicit BackwardFailed(const std::string& reason)
      : Error(ExitCode::runtime, "backward failed: " + reason + "."), reason_(reason) {}
  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

}  // namespace nopos
