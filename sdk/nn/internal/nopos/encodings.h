#pragma once
/// The encodings of a model, put together by the host.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nopos/forward_pass.h"
#include "nopos/positional_encoding.h"

namespace nopos {

/// One encoding of a model, which several layers may share.
struct EncodingInstance {
  std::string label;  ///< empty: its parameters stand flat under `embed_positions`, else under the label
  std::string name;   ///< of the component
  std::shared_ptr<PositionalEncoding> encoding;
};

/// What one layer has.
struct LayerEncodings {
  std::vector<std::size_t> use;  ///< indices into the instances, in the order of application
  std::int64_t window = 0;       ///< a query sees keys fewer than this many tokens away; 0: all
};

/// `layers` empty: every layer has all instances. The result checks what every hook returns (shape, type,
/// device). \throws Error (configuration) where two instances use the same name for a parameter or buffer,
/// or one of them cannot serve such a model; (runtime) from hooks, naming plugin, hook, layer and both shapes
std::shared_ptr<Encodings> compose(std::vector<EncodingInstance> instances,
                                   std::vector<LayerEncodings> layers = {}, const ModelShape& shape = {});

/// One encoding in every layer.
std::shared_ptr<Encodings> compose(std::shared_ptr<PositionalEncoding> encoding,
                                   const ModelShape& shape = {});

/// The encodings in a model, and the name under which it registered them; null where it has none.
struct NamedEncodings {
  std::string name;  ///< "decoder.embed_positions"
  std::shared_ptr<Encodings> encodings;
};
NamedEncodings encodings_of(const torch::nn::Module& model);

/// How many layers with attention they were made for; 0: any number.
std::int64_t layer_count(const Encodings& encodings);

/// Which path the attention of each layer took in the last forward: "layers 0-5: block kernel"; empty before
/// the first, and for models without encodings.
std::string attention_paths(const torch::nn::Module& model);

}  // namespace nopos
