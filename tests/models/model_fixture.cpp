#include "model_fixture.h"

#include <ATen/ATen.h>

#include <stdexcept>

#include "built_plugin.h"
#include "nopos/encodings.h"
#include "nopos/model_state.h"

namespace nopos::test {

Settings with(Settings base, const Settings& changes) {
  for (const auto& [name, value] : changes) base[name] = value;
  return base;
}

Settings flags_t() {
  return {{"activation-fn", std::string("gelu")},
          {"decoder-embed-dim", std::int64_t{64}},
          {"decoder-input-dim", std::int64_t{64}},
          {"decoder-output-dim", std::int64_t{64}},
          {"decoder-ffn-embed-dim", std::int64_t{128}},
          {"decoder-layers", std::int64_t{2}},
          {"decoder-attention-heads", std::int64_t{4}},
          {"decoder-normalize-before", true},
          {"dropout", 0.0}};
}

Settings flags_a() {
  return with(flags_t(), {{"activation-fn", std::string("relu")},
                          {"no-decoder-final-norm", true},
                          {"adaptive-input", true},
                          {"adaptive-input-cutoff", std::string("20,60")},
                          {"adaptive-softmax-cutoff", std::string("20,60")},
                          {"tie-adaptive-weights", true},
                          {"tie-adaptive-proj", true}});
}

std::shared_ptr<Architecture> make_model(const ModelSpec& spec) {
  const auto encoding = [&](const ModelShape& shape) {
    std::vector<EncodingInstance> parts;
    for (std::size_t begin = 0; begin <= spec.encoding.size();) {
      const std::size_t end = std::min(spec.encoding.find('+', begin), spec.encoding.size());
      const std::string name = spec.encoding.substr(begin, end - begin);
      parts.push_back({{}, name, make_component<PositionalEncoding>(name, {}, shape)});
      begin = end + 1;
    }
    return compose(std::move(parts), {}, shape);
  };
  const std::int64_t vocabulary = spec.dictionary != nullptr ? spec.dictionary->size() : spec.vocabulary;
  at::manual_seed(1);
  return make_component<Architecture>("transformer_lm", spec.settings,
                                      {.vocabulary = vocabulary,
                                       .output_vocabulary = vocabulary,
                                       .tokens_per_sample = spec.tokens_per_sample,
                                       .max_target_positions = 0,
                                       .make_encodings = encoding,
                                       .dictionary = spec.dictionary});
}

std::vector<std::int64_t> some_tokens(int count) {
  std::vector<std::int64_t> row;
  for (int i = 0; i < count; ++i) row.push_back(4 + (37 * i + 11) % 150);
  return row;
}

Batch batch_of(const std::vector<std::vector<std::int64_t>>& rows) {
  TokenBatch batch;
  batch.rows = static_cast<std::int64_t>(rows.size());
  batch.columns = static_cast<std::int64_t>(rows.front().size());
  for (const auto& row : rows) {
    batch.ids.push_back(static_cast<std::int64_t>(batch.ids.size()));
    batch.lengths.push_back(batch.columns);
    batch.tokens.insert(batch.tokens.end(), row.begin(), row.end());
    batch.targets.insert(batch.targets.end(), row.begin() + 1, row.end());
    batch.targets.push_back(row.front());
    batch.num_tokens += batch.columns;
  }
  return to_tensors(batch);
}

at::Tensor tensor(const Architecture& model, const std::string& name) {
  for (const auto& [key, value] : named_state(model)) {
    if (key == name) return value;
  }
  throw std::runtime_error("the model has no tensor " + name);
}

std::int64_t parameter_count(const Architecture& model) {
  std::int64_t count = 0;
  for (const auto& [name, parameter] : trainable_parameters(model)) count += parameter.numel();
  return count;
}

}  // namespace nopos::test
