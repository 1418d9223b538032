#pragma once
/// The kind `optimizer`: updates the parameters in a single pass.
///
/// The engine keeps parameters in flat memory, divided into segments, one per parameter. A plugin names its
/// state and implements the update of a run of elements; the engine calls it in parallel over all segments,
/// so that an update reads and writes each element once.
///
/// A segment without a gradient (an adaptive band that no token of the update used) is skipped, as in
/// fairseq; this differs from a gradient of zeros.

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nopos/plugin.h"

namespace nopos {

/// A trained parameter.
struct ParameterInfo {
  std::string name;  ///< "decoder.layers.0.fc1.weight"
  std::vector<std::int64_t> shape;
  /// What else is known of it: "positional" (of a positional encoding), "no_weight_decay", "keeps_float32".
  std::vector<std::string> tags = {};

  bool has(std::string_view tag) const { return std::find(tags.begin(), tags.end(), tag) != tags.end(); }
};

/// A contiguous run of elements of one segment, in host memory. Pointers do not overlap and may have any
/// alignment. Valid during the call only.
struct Chunk {
  std::int64_t size = 0;
  float* value = nullptr;
  const float* grad = nullptr;    ///< unscaled, as computed by backward
  float grad_scale = 1;           ///< factor of every gradient, for sample size and clipping
  std::span<float* const> state;  ///< one pointer per name in `state_names`, zeros before the first update;
                                  ///< null if the parameter has no such state
  std::int64_t step = 0;          ///< updates of this segment, including this one: 1 at the first
  /// The parameter that the run belongs to; if the update is not elementwise, the chunk is all of it.
  const ParameterInfo* parameter = nullptr;
};

/// `weight_decay`, or 0 where the chunk's parameter is left out of it.
inline double decay_of(const Chunk& chunk, double weight_decay) {
  return chunk.parameter != nullptr && chunk.parameter->has("no_weight_decay") ? 0 : weight_decay;
}

class Optimizer {
 public:
  using Interface = Optimizer;
  static constexpr const char* kind = "optimizer";
  static constexpr InterfaceVersion interface_version = kind_interface(kind);

  struct Context {
    double lr = 0;  ///< the first value of `--lr`
  };

  virtual ~Optimizer() = default;

  /// Names of the optimizer's state tensors, as in fairseq's checkpoints ("exp_avg", "exp_avg_sq"); at most
  /// 8.
  virtual std::vector<std::string> state_names() const = 0;

  /// The shape of the state `name` for a parameter of shape `parameter`; nullopt if it has no such state. For
  /// elementwise updates, states have the shape of the parameter.
  virtual std::optional<std::vector<std::int64_t>> state_shape(const std::string& name,
                                                               at::IntArrayRef parameter) const {
    (void)name;
    return parameter.vec();
  }

  /// Norm to which the gradients are clipped before an update, in addition to `--clip-norm`; 0: no clipping.
  virtual double max_grad_norm() const { return 0; }

  /// Called once per update, before `update`, with the learning rate: compute per-update scalars here.
  virtual void begin_update(double lr) = 0;

  /// Called from several threads at once, on disjoint chunks of the segments that have a gradient.
  virtual void update(const Chunk& chunk) const = 0;
  /// False if the update of an element depends on the whole parameter (its norm, a factored state): then each
  /// segment is one chunk, `update` is called from one thread, and ATen inside it has all threads.
  virtual bool elementwise() const { return true; }

  /// Scalars saved in `param_groups` of checkpoints, in fairseq's order ("lr", "betas", "eps", ...).
  virtual std::vector<std::pair<std::string, Value>> group() const { return {}; }
  virtual void restore_group(const std::vector<std::pair<std::string, Value>>& group) { (void)group; }
  /// Whether checkpoints save a "step" for each parameter (Adam does, NAG and SGD do not).
  virtual bool counts_steps() const { return false; }
};

/// Checks the decay rates of two moments. \throws Error (configuration) unless they are two values in [0, 1),
/// naming `optimizer` and `option`.
void check_betas(const std::string& optimizer, const std::string& option, const std::vector<double>& betas);

}  // namespace nopos
