#pragma once
/// What a model remembers of sequences that come in chunks: a prompt, then token by token.
///
///     const auto state = model.decoding_state(/*rows=*/2, /*planned=*/100);
///     at::Tensor x = model.features(prompt, {.state = state.get(), .last_only = true});
///     ...                                          // batches of one column each
///
/// For every split of the sequences into chunks the features are those of one forward over all of them.
/// Rows may be padded on the left or on the right, each chunk anew: padding is seen by nobody and counted
/// nowhere. Of one thread at a time; on the device of the model.

#include <cstdint>
#include <memory>

#include "nopos/model_state.h"

namespace nopos {

class DecodingState {
 public:
  struct Shape {
    std::int64_t rows = 0;     ///< B
    std::int64_t planned = 0;  ///< columns, padding included, that will come at most
    std::int64_t layers = 0;   ///< with attention
    /// The model that it is for: it is refused where another one uses it. Null: not looked at.
    const void* model = nullptr;
  };

  /// Architectures make it, see Architecture::decoding_state. \throws Error (configuration) where rows or
  /// planned are below 1
  explicit DecodingState(const Shape& shape);
  ~DecodingState();
  DecodingState(const DecodingState&) = delete;
  DecodingState& operator=(const DecodingState&) = delete;

  std::int64_t rows() const;
  std::int64_t length() const;  ///< columns so far, padding included
  std::int64_t planned() const;

  /// Row b becomes what row rows[b] was; there may be more or fewer of them than before.
  /// rows [B'] int64. \throws Error (runtime) for a row that there is not
  void reorder(const at::Tensor& rows);
  /// Forgets all columns but the first `length`. -> false, and nothing changes, where an encoding carries a
  /// tensor from chunk to chunk: the chunks are then to be computed anew. \throws Error (runtime) where there
  /// are fewer columns
  bool truncate(std::int64_t length);
  /// A state of its own, in which each row stands `copies` times, one after the other.
  std::shared_ptr<DecodingState> fork(std::int64_t copies = 1) const;

  /// All that it holds, as copies, to be written into a file.
  NamedTensors tensors() const;
  /// What `tensors` gave, of a state of the same model and the same number of rows.
  /// \throws Error (data) naming the tensor that does not belong here; the state is then as it was
  void restore(const NamedTensors& tensors);

  struct Data;  // the SDK's own
  Data& data() const { return *data_; }

 private:
  std::unique_ptr<Data> data_;
};

}  // namespace nopos
