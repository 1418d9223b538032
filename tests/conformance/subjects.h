#pragma once
/// The encodings that pass: each as the author of a plugin would write it.

#include <utility>
#include <vector>

#include "encodings/biases.h"
#include "encodings/embedded.h"
#include "encodings/relative.h"
#include "encodings/rotary.h"
#include "subject.h"

namespace nopos::conformance {

/// Makes `Encoding(first..., shape)`.
template <class Encoding, class... First>
std::function<std::shared_ptr<PositionalEncoding>(const ModelShape&)> maker(First... first) {
  return [=](const ModelShape& shape) { return std::make_shared<Encoding>(first..., shape); };
}

/// Makes `Encoding()`.
template <class Encoding>
std::function<std::shared_ptr<PositionalEncoding>(const ModelShape&)> plain_maker() {
  return [](const ModelShape&) { return std::make_shared<Encoding>(); };
}

inline std::vector<Subject> subjects() {
  using Rotary = Rope::Options;
  return {
      {.name = "none", .make = plain_maker<None>(), .expects_order = false, .only_terms = true},
      {.name = "alibi", .make = maker<Alibi>(), .only_terms = true},
      {.name = "sinusoidal", .make = maker<Sinusoidal>()},
      {.name = "learned", .make = maker<Learned>()},
      {.name = "cape", .make = maker<Cape>()},
      {.name = "rope", .make = maker<Rope>(Rotary{})},
      {.name = "rope_partial", .make = maker<Rope>(Rotary{.dims = 4, .interleaved = true})},
      {.name = "rope_raw_keys", .make = maker<Rope>(Rotary{.raw = true})},
      {.name = "rope_dynamic", .make = maker<Rope>(Rotary{.dynamic = true})},
      {.name = "t5", .make = maker<T5>(T5::Options{.buckets = 8, .reach = 9}), .repeats = true},
      {.name = "shaw", .make = maker<Shaw>(4), .repeats = true},
      {.name = "transformer_xl", .make = maker<TransformerXl>(), .bidirectional = false},
      {.name = "fire", .make = maker<Fire>(6), .bidirectional = false},
      {.name = "cope", .make = maker<Cope>(5), .repeats = true},
      {.name = "fox", .make = maker<Fox>(), .bidirectional = false},
      {.name = "kerple", .make = maker<Kerple>()},
      {.name = "deberta", .make = maker<Deberta>(4), .repeats = true},
      {.name = "position_infused", .make = maker<PositionInfused>()},
      {.name = "causal_convolution", .make = maker<CausalConvolution>(), .repeats = true},
      {.name = "pope", .make = maker<Pope>()},
      {.name = "value_rope", .make = maker<ValueRope>()},
      {.name = "inkling", .make = maker<Inkling>(3, 6), .repeats = true},
      {.name = "scalable_softmax", .make = maker<Temperature>(), .expects_order = false},
      {.name = "randomized", .make = plain_maker<Randomized>(), .expects_order = false},
      // memory, axes and hooks that none of those above uses
      {.name = "selective_rope", .make = maker<SelectiveRope>()},
      {.name = "axial_rope", .make = maker<AxialRope>()},
      {.name = "every_layer", .make = maker<EveryLayer>()},
      {.name = "local_window", .make = plain_maker<LocalWindow>()},
      {.name = "stick_breaking", .make = plain_maker<StickBreaking>(), .bidirectional = false},
  };
}

}  // namespace nopos::conformance
