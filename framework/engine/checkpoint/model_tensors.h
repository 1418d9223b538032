#pragma once
/// The tensors of a checkpoint's model, matched with those of a model here.

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint.h"
#include "checkpoint_file.h"

namespace nopos::engine {

/// A tensor on the file's bytes, valid as long as the file, to be copied from only; and all bytes of its
/// storage.
struct View {
  at::Tensor tensor;
  std::string_view bytes;
};
/// \throws Error (data); `what` names the tensor
View view(const CheckpointFile& file, const PickleNode& node, const std::string& what);

/// The same numbers where the processor may read them: older files do not align theirs.
at::Tensor aligned(const View& view);

/// A copy to make once everything is checked.
struct Copy {
  at::Tensor mine;
  View there;
};
using Copies = std::vector<Copy>;
void make(const Copies& copies);

/// \throws Error (data) where the checkpoint's model was trained with another dictionary or
/// tokenizer.
void check_dictionary(const CheckpointFile& source, const DictionaryMark& mine);

/// One copy per tensor of `mine` (of `model`, or an average of it), from an entry of the file, converted
/// where both are floating point; after the upgrades that fairseq makes to older files: an output
/// weight under its old name or, where it is the embedding, missing; layer norms under their old names; the
/// maps of attention as rows of one matrix. `_float_tensor`, whose content has no effect, is passed over.
/// \throws Error (data) naming the tensors that are missing, unexpected or of another shape, the first ten of
/// them with both sides.
Copies model_copies(const CheckpointFile& source, const PickleNode& entry, const StateDict& mine,
                    const Architecture& model);

/// Which of the file's parameters, in its order, holds a parameter of the slab, or some rows of it.
struct ParameterPlace {
  std::size_t index = 0;
  std::int64_t part = 0, parts = 1;  ///< rows of three in one: part 0 of 3, 1 of 3, 2 of 3
};

/// For each segment of `slab` its place among the file's parameters, whose order is that of its optimizer.
/// \throws Error (data) where the file's model has another number of parameters than `count`, if given.
std::vector<ParameterPlace> parameter_places(const CheckpointFile& source, const Architecture& model,
                                             const ParameterSlab& slab, std::optional<std::size_t> count);

/// Rows `part` of `parts`; all of them where they cannot be divided, which fits nothing then.
at::Tensor rows_of(const at::Tensor& tensor, std::int64_t part, std::int64_t parts);

}  // namespace nopos::engine
