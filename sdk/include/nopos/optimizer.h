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
  std::span<float* const> state;  ///< one pointer per name of `state_names`, zeros before the first update
  std::int64_t step = 0;          ///< updates of this segment, this one included: 1 at its first
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
                std::vector<std::string> state_names);

  /// One update of every segment that has a gradient, in parallel, in one pass.
  void update(Optimizer& optimizer, double lr, double grad_scale);

  /// L2 norm of all gradients × `grad_scale`; segments without a gradient count as zero. Summed in double,
  /// in an order that does not depend on the number of threads.
  double grad_norm(double grad_scale);

  /// Forgets the gradients: every segment is untouched until the next backward.
  void clear_grads();

  std::vector<Segment>& segments() { return segments_; }
  const std::vector<Segment>& segments() const { return segments_; }
  const std::vector<std::string>& state_names() const { return state_names_; }
  /// The state `name` of segment `index`, shaped like its parameter; a view.
  at::Tensor state(std::size_t index, const std::string& name) const;

 private:
  struct Block {  // a run of one segment that one thread handles; blocks stand in the order of the slab
    std::size_t segment;
    std::int64_t begin, size;  // in elements of the segment
    std::int64_t offset;       // of its first element in the slab
  };
  template <class Handle>
  void for_touched_blocks(const Handle& handle) const;

  std::vector<Segment> segments_;
  std::vector<std::string> state_names_;
  std::vector<Block> blocks_;
  at::Tensor values_;               ///< [N] float
  std::vector<at::Tensor> states_;  ///< [N] float each
};

}  // namespace nopos
