#pragma once
/// The kind `optimizer`: updates the parameters in a single pass.
///
/// Parameters are stored in a slab: flat memory divided into segments, one per parameter. A plugin names its
/// state and implements the update of a run of elements; the SDK calls it in parallel over all segments, so
/// that an update reads and writes each element once.
///
/// A segment without a gradient (an adaptive band that no token of the update used) is skipped, as in
/// fairseq; this differs from a gradient of zeros.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nopos/plugin.h"

namespace nopos {

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
  /// Of the parameter, if the update is not elementwise (the chunk is then the whole parameter).
  std::span<const std::int64_t> shape = {};
};

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
  /// segment is one chunk, and `update` is called from one thread.
  virtual bool elementwise() const { return true; }

  /// Scalars saved in `param_groups` of checkpoints, in fairseq's order ("lr", "betas", "eps", ...).
  virtual std::vector<std::pair<std::string, Value>> group() const = 0;
  virtual void restore_group(const std::vector<std::pair<std::string, Value>>& group) { (void)group; }
  /// Whether checkpoints save a "step" for each parameter (Adam does, NAG and SGD do not).
  virtual bool counts_steps() const { return false; }
};

/// Storage precision of the weights. Optimizers always see float32: a chunk is either widened before its
/// update and rounded after it, or has a persistent float32 copy.
struct WeightPrecision {
  /// kFloat, kBFloat16 or kHalf; values are rounded to nearest, ties to even. kHalf values are stored in
  /// float32 tensors, since CPUs have no half-precision arithmetic.
  at::ScalarType weights = at::kFloat;
  /// Keep float32 master copies, which are updated and then rounded to the weights. As in fairseq, a
  /// parameter without a gradient is then treated as if its gradient were zero.
  bool master = false;
};

/// The parameters of a model in one flat buffer, with the optimizer's state in buffers of the same layout.
/// Used from one thread.
class ParameterSlab {
 public:
  struct Segment {
    std::string name;
    at::Tensor parameter;     ///< a view of the slab; its gradient, if defined, is that of this update
    std::int64_t offset = 0;  ///< in elements
    std::int64_t step = 0;    ///< updates so far
  };

  /// Moves the storage of the parameters into the slab; the tensor objects stay the same. Callers leave out
  /// frozen parameters.
  ParameterSlab(std::vector<std::pair<std::string, at::Tensor>> parameters,
                std::vector<std::string> state_names);  ///< each with the shape of its parameter

  /// With the states and shapes of `optimizer`. Parameters must have the type that `precision` requires.
  ParameterSlab(std::vector<std::pair<std::string, at::Tensor>> parameters, const Optimizer& optimizer,
                WeightPrecision precision = {});

  /// Updates every segment that has a gradient, in parallel, in one pass.
  void update(Optimizer& optimizer, double lr, double grad_scale);

  /// L2 norm of all gradients × `grad_scale`; segments without a gradient count as zero. Summed in double
  /// precision, in an order independent of the number of threads. Infinite if weights are kHalf and a
  /// gradient is beyond the range of half precision.
  double grad_norm(double grad_scale);

  /// Discards the gradients: no segment has one until the next backward.
  void clear_grads();

  std::vector<Segment>& segments() { return segments_; }
  const std::vector<Segment>& segments() const { return segments_; }
  const std::vector<std::string>& state_names() const { return state_names_; }
  /// The state `name` of segment `index`, as a view; undefined if the segment has no such state.
  at::Tensor state(std::size_t index, const std::string& name) const;

  const WeightPrecision& precision() const { return precision_; }
  /// The float32 master copy of segment `index`, as a view; undefined without master copies.
  at::Tensor master(std::size_t index) const;
  /// Call after setting weights from outside: rounds them and resets the master copies to them.
  void weights_changed();

 private:
  struct Block {  // a run of one segment, processed by one thread; in the order of the slab
    std::size_t segment;
    std::int64_t begin, size;  // in elements of the segment
    std::int64_t offset;       // of its first element in the slab
  };
  struct Place {
    std::int64_t offset;
    std::vector<std::int64_t> shape;
  };
  struct State {                               // one state of all segments
    at::Tensor values;                         // [N] float, or fewer
    std::vector<std::optional<Place>> places;  // one per segment
  };
  using StateShape =
      std::function<std::optional<std::vector<std::int64_t>>(const std::string&, at::IntArrayRef)>;
  ParameterSlab(std::vector<std::pair<std::string, at::Tensor>> parameters,
                std::vector<std::string> state_names, const StateShape& state_shape,
                WeightPrecision precision);
  template <class Handle>
  void for_touched_blocks(const Handle& handle) const;
  bool touched(const Segment& segment) const;
  void update_run(const Optimizer& optimizer, std::size_t index, std::int64_t begin, std::int64_t size,
                  float grad_scale) const;

  std::vector<Segment> segments_;
  std::vector<std::string> state_names_;
  std::vector<Block> blocks_;
  WeightPrecision precision_;
  at::Tensor values_;  ///< [N], the parameters are views of it
  at::Tensor master_;  ///< [N] float, or undefined
  std::vector<State> states_;
};

/// Checks the decay rates of two moments. \throws Error (configuration) unless they are two values in [0, 1),
/// naming `optimizer` and `option`.
void check_betas(const std::string& optimizer, const std::string& option, const std::vector<double>& betas);

}  // namespace nopos
