#pragma once
/// The tensors of a checkpoint's model, matched with those of a model here.

#include <ATen/core/Tensor.h>

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
/// where both are floating point; after the upgrades that the reference makes to older files: an output
/// weight under its old name or, where it is the embedding, missing; layer norms under their old names.
/// `_float_tensor`, whose content means nothing, is passed over. \throws Error (data) naming the tensors that
/// are missing, unexpected or of another shape, the first ten of them with both sides.
Copies model_copies(const CheckpointFile& source, const PickleNode& entry, const StateDict& mine,
                    const Architecture& model);

}  // namespace nopos::engine
