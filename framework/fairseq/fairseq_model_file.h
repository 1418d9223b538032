#pragma once
/// A file of fairseq with a model that nobody trained here: what stands in it beside the tensors.

#include "nopos/json.h"

namespace nopos {

/// The tree of a transformer_lm with these options, by our names ("decoder-embed-dim"), among them
/// "tokens-per-sample" and "max-target-positions" of its task. The entry of the tensors is null.
Json fairseq_file_of(const Json& options);

}  // namespace nopos
