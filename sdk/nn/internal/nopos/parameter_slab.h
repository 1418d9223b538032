#pragma once
/// The parameters of a model as an optimizer updates them. The engine makes it.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nopos/optimizer.h"

namespace nopos {

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
    at::Tensor parameter;  ///< its gradient, if defined, is that of this update; memory is the slab's
    ParameterInfo info;
    std::int64_t offset = 0;  ///< in elements
    std::int64_t step = 0;    ///< updates so far
  };

  /// Moves the storage of the parameters into the slab; the tensor objects stay the same. Callers leave out
  /// frozen parameters.
  ParameterSlab(std::vector<std::pair<std::string, at::Tensor>> parameters,
                std::vector<std::string> state_names);  ///< each with the shape of its parameter

  /// By the name of a parameter, see ParameterInfo::tags. With "keeps_float32" it must be float32, and stays
  /// so whatever the precision is.
  using Tags = std::map<std::string, std::vector<std::string>>;

  /// With the states and shapes of `optimizer`. Parameters must have the type that `precision` requires.
  ParameterSlab(std::vector<std::pair<std::string, at::Tensor>> parameters, const Optimizer& optimizer,
                WeightPrecision precision = {}, const Tags& tags = {});

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
  /// Call after an AfterUpdate of parameters with this tag: the master copies take over the elements that
  /// differ from their rounded values, and stay more precise than the weights elsewhere.
  void weights_adjusted(std::string_view tag);

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
                WeightPrecision precision, const Tags& tags);
  template <class Handle>
  void for_touched_blocks(const Handle& handle) const;
  bool touched(const Segment& segment) const;
  void update_run(const Optimizer& optimizer, std::size_t index, std::int64_t begin, std::int64_t size,
                  float grad_scale) const;

  std::vector<Segment> segments_;
  std::vector<std::string> state_names_;
  std::vector<Block> blocks_;
  WeightPrecision precision_;
  std::int64_t total_ = 0;  ///< N
  at::Tensor values_;       ///< [N], the parameters are views of it, but those that stay in float32
  at::Tensor master_;       ///< [N] float, or undefined
  std::vector<State> states_;
};

}  // namespace nopos
