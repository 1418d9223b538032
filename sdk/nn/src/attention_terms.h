#pragma once
/// What terms add to scores, where they are added: by addresses, tile by tile.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "attention_rows.h"
#include "block_attention.h"

namespace nopos {

/// That the addresses which follow from these shapes lie inside the tensors; what is wrong is a bug of the
/// caller.
void check_shapes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const KernelTerms& terms,
                  const VisibleKeys& visible);

/// Some queries of one head and some of their keys, whose scores lie in the cache together.
struct AttentionTile {
  std::int64_t batch, head;
  std::int64_t first, end;       // queries
  std::int64_t column;           // in which the first of the queries stands
  std::int64_t begin, keys_end;  // keys

  std::int64_t count() const { return end - first; }
  std::int64_t width() const { return keys_end - begin; }
};

/// The least and the greatest distance of a query, one of the last T of `keys` columns, and a key that it
/// sees.
struct Distances {
  std::int64_t nearest, farthest;

  static Distances of(const VisibleKeys& visible, std::int64_t keys);
};

/// Terms as the loops want them: tables reversed, so that values of ascending keys ascend, and without the
/// distances that do not occur; the first value is that of the distance `farthest`. What is done to the
/// tensors has a gradient.
struct ReadyTerms {
  std::vector<at::Tensor> tensors;  // tables [1|H,N], keys [1|B,1|H,S], features [1|B,1|H,T,R], their tables
                                    // [1|H,N,R]: in this order
  std::vector<std::int64_t> farthest_of_tables, farthest_of_relatives;
  std::int64_t keys = 0;  // how many terms are by key

  static ReadyTerms of(const KernelTerms& terms, const Distances& distances);

  std::int64_t tables() const { return static_cast<std::int64_t>(farthest_of_tables.size()); }
  std::int64_t relatives() const { return static_cast<std::int64_t>(farthest_of_relatives.size()); }
  bool empty() const { return tensors.empty(); }
  const at::Tensor& table(std::int64_t i) const { return tensors[static_cast<std::size_t>(i)]; }
  const at::Tensor& of_keys(std::int64_t i) const { return table(tables() + i); }
  const at::Tensor& features(std::int64_t i) const { return table(tables() + keys + i); }
  const at::Tensor& relative_table(std::int64_t i) const { return table(tables() + keys + relatives() + i); }
};

/// Gradients of the tensors of ReadyTerms, in the same order: [B,H,...] of float32, each head's its own, or
/// undefined where none is wanted.
using TermGradients = std::vector<at::Tensor>;

/// x [B,H,...] of float32 -> [1|B,1|H,...], summed in order, by any number of threads the same
at::Tensor summed_heads(const at::Tensor& x, bool over_batch, bool over_heads);

/// Zeros for those that `wanted` names.
TermGradients term_gradients(const ReadyTerms& terms, std::int64_t batch, std::int64_t heads,
                             const std::vector<bool>& wanted);

/// Summed to the sizes of the tensors, and of their types. Tensors as in `term_gradients`.
TermGradients summed(const TermGradients& gradients, const ReadyTerms& terms);

/// What one thread works with, one tile after another.
class TileTerms {
 public:
  /// Of tiles of at most `queries` and `keys`. `gradients` may be null; both must outlive this.
  TileTerms(const ReadyTerms& terms, const TermGradients* gradients, std::int64_t queries, std::int64_t keys);

  void begin(const AttentionTile& tile);

  /// Adds to the scores of query `first + row`, those in `seen` of the tile.
  void add(std::int64_t row, Span seen, float* scores) const;

  /// Gradients of these scores, to what was added to them.
  void add_gradients(std::int64_t row, Span seen, const float* grads);

  /// After the gradients of all rows of the tile.
  void finish_gradients();

 private:
  struct Relative {
    at::Tensor values, grads, narrow;  // [queries,width] of float32, rounded
    Run run{};                         // of the first row, in the tile; the next one's begins one later
    std::int64_t offset = 0;           // of the table's row that is the first of the run
  };

  std::int64_t width() const { return queries_ + keys_; }
  bool wants_gradients(std::int64_t relative) const;
  Run run(std::int64_t farthest, std::int64_t size) const;
  void multiply_features(std::int64_t i);
  void add_feature_gradients(std::int64_t i);
  float* gradient(std::int64_t i) const;

  const ReadyTerms& terms_;
  const TermGradients* gradients_;
  std::int64_t queries_, keys_;
  std::vector<Relative> relatives_;
  AttentionTile tile_{};
};

}  // namespace nopos
