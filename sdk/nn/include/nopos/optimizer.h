#pragma once
/// The kind `optimizer`: one pass over everything that changes.
///
/// Parameters live in slabs: flat storage with an ordered list of segments, one per parameter. A plugin names
/// its state and says what happens to a run of elements; the SDK calls that in parallel over all segments, so
/// that an update reads and writes each number once.
///
/// A segment without a gradient (an adaptive band that no token of the update used) is not called at all, as
/// in the reference; a gradient of zeros is something else.

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

/// A contiguous run of elements of one segment. Pointers do not overlap; any alignment.
struct Chunk {
  std::int64_t size = 0;
  float* value = nullptr;
  const float* grad = nullptr;    ///< as backward left it
  float grad_scale = 1;           ///< multiplies every gradient: sample size and clipping
  std::span<float* const> state;  ///< one pointer per name of `state_names`, zeros before the first
                                  ///< update; null where the parameter has no such state
  std::int64_t step = 0;          ///< updates of this segment, this one included: 1 at its first
  /// Of the parameter, for an update that is not elementwise (then the chunk is the whole of it).
  std::span<const std::int64_t> shape = {};
};

class Optimizer {
 public:
  using Interface = Optimizer;
  static constexpr const char* kind = "optimizer";
  static constexpr int interface_version = kind_interface(kind);

  struct Context {
    double lr = 0;  ///< the first of `--lr`
  };

  virtual ~Optimizer() = default;

  /// Per-element state, in the names of the reference's checkpoints ("exp_avg", "exp_avg_sq").
  virtual std::vector<std::string> state_names() const = 0;

  /// The shape of the state `name` of a parameter of shape `parameter`; nothing where such a parameter has no
  /// such state. Elementwise updates have states of the parameter's own shape.
  virtual std::optional<std::vector<std::int64_t>> state_shape(const std::string& name,
                                                               at::IntArrayRef parameter) const {
    (void)name;
    return parameter.vec();
  }

  /// Norm to which all gradients together are scaled down before an update, apart from `--clip-norm`; 0:
  /// none.
  virtual double max_grad_norm() const { return 0; }

  /// Called once before the chunks of an update, with its rate: the place for per-update scalars.
  virtual void begin_update(double lr) = 0;

  /// Called in parallel on disjoint chunks of the segments that have a gradient.
  virtual void update(const Chunk& chunk) const = 0;
  /// False where an element's update needs the whole parameter (a norm of it, a factored state): then each
  /// segment is one chunk, and `update` is called from one thread.
  virtual bool elementwise() const { return true; }

  /// Scalars that checkpoints keep in `param_groups`, in the reference's order ("lr", "betas", "eps", ...).
  virtual std::vector<std::pair<std::string, Value>> group() const = 0;
  virtual void restore_group(const std::vector<std::pair<std::string, Value>>& group) { (void)group; }
  /// Whether checkpoints keep a segment's own "step" (Adam does, NAG and SGD do not).
  virtual bool counts_steps() const { return false; }
};

/// In which numbers a slab keeps weights. Optimizers see float32 whatever it is: a chunk is widened before
/// its update and rounded after it, or has a float32 copy that lasts.
struct WeightPrecision {
  /// kFloat, or what values are rounded to (to nearest, ties to even): kBFloat16, then parameters are of that
  /// type, or kHalf, whose values are held in float32 tensors, since a CPU has no arithmetic for them.
  at::ScalarType weights = at::kFloat;
  /// Updates go to float32 copies, of which the weights are the rounding. As the reference has it, a
  /// parameter without a gradient then counts as one whose gradient is zero.
  bool master = false;
};

/// The parameters of a model in one flat buffer, with the optimizer's state in buffers of the same layout.
class ParameterSlab {
 public:
  struct Segment {
    std::string name;
    at::Tensor parameter;     ///< a view of the slab; its gradient, where defined, is this update's
    std::int64_t offset = 0;  ///< in elements
    std::int64_t step = 0;    ///< updates it has seen
  };

  /// Moves the parameters' storage into the slab; the tensors stay the same objects. Frozen ones are left out
  /// by the caller.
  ParameterSlab(std::vector<std::pair<std::string, at::Tensor>> parameters,
                std::vector<std::string> state_names);  ///< each of its parameter's shape

  /// With the state that `optimizer` names, in its shapes. Parameters must be of the type that `precision`
  /// asks for.
  ParameterSlab(std::vector<std::pair<std::string, at::Tensor>> parameters, const Optimizer& optimizer,
                WeightPrecision precision = {});

  /// One update of every segment that has a gradient, in parallel, in one pass.
  void update(Optimizer& optimizer, double lr, double grad_scale);

  /// L2 norm of all gradients × `grad_scale`; segments without a gradient count as zero. Summed in double,
  /// in an order that does not depend on the number of threads. Infinite where weights are kHalf and a
  /// gradient is larger than half precision can say.
  double grad_norm(double grad_scale);

  /// Forgets the gradients: every segment is untouched until the next backward.
  void clear_grads();

  std::vector<Segment>& segments() { return segments_; }
  const std::vector<Segment>& segments() const { return segments_; }
  const std::vector<std::string>& state_names() const { return state_names_; }
  /// The state `name` of segment `index`; a view, undefined where the segment has no such state.
  at::Tensor state(std::size_t index, const std::string& name) const;

  const WeightPrecision& precision() const { return precision_; }
  /// The float32 values of segment `index` that its weights are rounded from; a view, undefined without them.
  at::Tensor master(std::size_t index) const;
  /// After weights were set from outside: rounds them, and makes them their own masters.
  void weights_changed();

 private:
  struct Block {  // a run of one segment that one thread handles; blocks stand in the order of the slab
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
    std::vector<std::optional<Place>> places;  // of each segment
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
  at::Tensor values_;  ///< [N], what parameters are views of
  at::Tensor master_;  ///< [N] float, or undefined
  std::vector<State> states_;
};

/// Two decays of moments, as options give them. \throws Error (configuration) unless they are two numbers,
/// each at least 0 and less than 1, naming `optimizer` and `option`.
void check_betas(const std::string& optimizer, const std::string& option, const std::vector<double>& betas);

}  // namespace nopos
