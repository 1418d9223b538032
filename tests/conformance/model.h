#pragma once
/// A small language model of attention layers alone, whose weights are large enough for differences to show.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nopos/encodings.h"
#include "nopos/forward_pass.h"
#include "nopos/nn/attention.h"
#include "subject.h"

namespace nopos::conformance {

constexpr std::int64_t padding = 1;

struct ModelOptions {
  std::int64_t layers = 3;
  at::ScalarType type = at::kDouble;
  bool rounded = false;     ///< weights are rounded to bfloat16 first
  bool recomputes = false;  ///< activations in backward
  double dropout = 0;
  std::uint64_t seed = 3;  ///< of the encodings' parameters; the other weights are always the same
  std::vector<LayerEncodings> plan = {};  ///< empty: every layer has every subject
  std::string label = {};                 ///< of the first subject; further ones have their names as labels
};

/// C 16, sequences of 64 at most, trained with 8.
ModelShape shape_of(const Mode& mode, std::int64_t layers = 3);

class Model {
 public:
  Model(const std::vector<Subject>& subjects, const ModelShape& shape, ModelOptions options = {});
  Model(const Subject& subject, const Setting& setting, const ModelOptions& options = {})
      : Model({subject}, shape_of(setting.mode, options.layers), options) {}
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// tokens [B,T] -> [B,T,C]
  at::Tensor features(const Batch& batch, const ForwardOptions& options = {});
  at::Tensor features(const at::Tensor& tokens, const ForwardOptions& options = {}) {
    return features(Batch{.tokens = tokens}, options);
  }
  /// The same of sequences that may become `columns` long.
  at::Tensor planned_features(const Batch& batch, std::int64_t columns);

  std::shared_ptr<DecodingState> state(std::int64_t rows, std::int64_t planned) const;
  /// Chunk by chunk, with a state for `planned` columns; 0: as many as there are tokens.
  at::Tensor chunked(const Batch& batch, const std::vector<std::int64_t>& split, std::int64_t planned = 0);

  void train(bool on);
  Encodings& encodings() { return *encodings_; }
  /// Parameters of the encodings, as "encoding.<name>", then the model's own.
  NamedTensors parameters() const;
  /// Takes over the encodings' parameters of another model. -> false if they have other names
  bool copy_encodings(const Model& other);
  const at::Tensor& embedding() const { return embedding_; }  ///< [V,C]

 private:
  void make_encodings(const std::vector<Subject>& subjects);
  void make_weights();
  at::Tensor through_layer(std::int64_t layer, const at::Tensor& x,
                           const std::shared_ptr<ForwardPass>& pass) const;

  ModelShape shape_;
  ModelOptions options_;
  std::shared_ptr<Encodings> encodings_;
  at::Tensor embedding_;
  std::vector<std::shared_ptr<MultiheadAttention>> layers_;
};

/// Attention by its formula as long as this lives, or, if `on` is false, whatever is fastest.
class FormulaOnly {
 public:
  explicit FormulaOnly(bool on = true);
  ~FormulaOnly();
  FormulaOnly(const FormulaOnly&) = delete;
  FormulaOnly& operator=(const FormulaOnly&) = delete;

 private:
  bool was_set_;
  std::string before_;
};

}  // namespace nopos::conformance
